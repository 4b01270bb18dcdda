"""`python -m sandbox.serving.picker [OPTIONS] -- ARGS…`: one stand-in picker; ARGS are those of the container's /app/epp.

Options: `--listen PORT` (for the gRPC port), `--listen-health PORT`, `--listen-metrics PORT`: local ports, the container's own
where they are left out; `--root DIR`: the container's files; `--namespace NAME`: the pod's; `--kubeconfig FILE`: where it is
given, the picker is ready only once its InferencePool exists; `--booted FILE`: made when it has looked for its pool once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from sandbox.clock import paced
from sandbox.serving import boot
from sandbox.serving.http import Server, until_signal
from sandbox.serving.picker import health, pool
from sandbox.serving.picker.api import Api
from sandbox.serving.picker.config import Config, ConfigError, load
from sandbox.serving.picker.flags import FlagError, Flags, parse
from sandbox.serving.picker.scoring import IMPLEMENTED, Scheduler

_POLL_SECONDS = 2.0
"""GKE seconds between two looks for a pool that is not there yet."""
_SHORTEST_POLL = 0.5
"""Seconds; a pod may wait for its pool for ever, and shall not spend the machine on it."""


def log(message: str, level: str = "info", **more: object) -> None:
    """One line as the real picker's JSON encoder writes it."""
    print(json.dumps({"level": level, "msg": message, **more}), flush=True)


def _files_exist(flags: Flags, root: Path | None) -> None:
    """Whether the certificate for secure serving is there; without a path the real picker makes one itself."""
    if not flags.secure or flags.certificates is None:
        return
    directory = Path(flags.certificates) if root is None else root / flags.certificates.lstrip("/")
    for name in ("tls.crt", "tls.key"):
        if not (directory / name).is_file():
            raise FlagError(f"failed to create TLS certificate: open {flags.certificates}/{name}: no such file", 1)


async def serve(config: Config, flags: Flags, options: dict[str, str]) -> int:
    """Serves until a signal. Returns the exit code."""
    ended = asyncio.ensure_future(until_signal())
    api = Api(Scheduler(config, seed=flags.pool_name), flags)
    kubeconfig = options.get("--kubeconfig")
    known = asyncio.Event()
    draining = asyncio.Event()
    checks = health.serve(
        int(options.get("--listen-health") or flags.health_port), lambda: known.is_set() and not draining.is_set()
    )
    servers = [
        Server(api.handle, int(options.get("--listen") or flags.grpc_port)),
        Server(api.handle, int(options.get("--listen-metrics") or flags.metrics_port)),
    ]
    for server in servers:
        await server.start()
    log("Health server and request server listening", pool=f"{flags.pool_namespace}/{flags.pool_name}")
    booted = options.get(boot.OPTION)
    looking = asyncio.create_task(_find_pool(Path(kubeconfig) if kubeconfig else None, flags, known, booted))
    await ended
    log("Shutdown signal received: draining")
    draining.set()
    looking.cancel()
    await asyncio.gather(*(server.stop(2.0) for server in servers))
    checks.stop(0).wait(1.0)
    return 0


async def _find_pool(kubeconfig: Path | None, flags: Flags, known: asyncio.Event, booted: str | None) -> None:
    told = None
    while kubeconfig is not None:
        problem = await asyncio.to_thread(pool.exists, kubeconfig, flags)
        if problem is None:
            break
        boot.tell(booted)
        if problem != told:
            told = problem
            log("InferencePool not synced yet", "error", error=problem)
        await asyncio.sleep(paced(_POLL_SECONDS, _SHORTEST_POLL))
    known.set()
    boot.tell(booted)
    log("InferencePool synced")


def main(arguments: list[str]) -> int:
    """Runs one picker; returns the exit code of the container."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    options = dict(zip(arguments[:at:2], arguments[1:at:2], strict=True))
    root = Path(options["--root"]) if "--root" in options else None
    try:
        flags = parse(arguments[at + 1 :], namespace=options.get("--namespace", "default"), root=root)
        config = load(flags.config)
        _files_exist(flags, root)
    except FlagError as error:
        log(str(error), "error")
        return error.exit_code
    except ConfigError as error:
        log("Failed to parse configuration", "error", error=str(error))
        return 1
    for profile in config.profiles:
        for plugin in (*profile.filters, *(scorer for scorer, _ in profile.scorers), profile.picker):
            if plugin.type not in IMPLEMENTED:
                log(f"the sandbox's picker accepts {plugin.type} and does nothing for it", "warn")
    try:
        return asyncio.run(serve(config, flags, options))
    except (OSError, RuntimeError) as error:
        log(str(error), "error")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
