"""The load balancer's process: `python -m sandbox.balancer DIRECTORY`, of the cluster whose files are in DIRECTORY."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from sandbox.balancer.balancer import Balancer
from sandbox.kube.client import Client


def _end(_number: int, _frame: object) -> None:
    os._exit(0)


def main() -> int:
    """Serves until SIGTERM or SIGINT, and ends at once then: nothing has to be saved."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    directory = Path(sys.argv[1])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    asyncio.run(Balancer(Client.from_kubeconfig(directory / "kubeconfig"), directory).run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
