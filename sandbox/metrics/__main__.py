"""The process of a cluster's metrics: `python -m sandbox.metrics DIRECTORY PORT ADAPTER_PORT`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from sandbox.kube.client import Client
from sandbox.metrics.service import MetricsService


def _end(_number: int, _frame: object) -> None:
    os._exit(0)


async def _serve(directory: Path, port: int, adapter_port: int) -> None:
    client = Client.from_kubeconfig(directory / "kubeconfig")
    await MetricsService(client, directory, port=port, adapter_port=adapter_port).run()


def main() -> int:
    """Serves until SIGTERM or SIGINT, and ends at once then: nothing has to be saved."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
