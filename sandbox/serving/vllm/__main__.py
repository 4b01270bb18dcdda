"""`python -m sandbox.serving.vllm [OPTIONS] -- COMMAND ARGS…`: one stand-in server; COMMAND and ARGS are a container's.

Options: `--listen PORT`: the local port, the server's own where it is left out; `--root DIR`: the container's files;
`--chips N`, `--accelerator LABEL`: how many TPU chips the server has, and of which node label; `--booted FILE`: made when
start-up begins. Before start-up is over nothing listens, as with the real server. Environment: SANDBOX_SPEED (see
`sandbox.clock`), SANDBOX_VLLM_STARTUP_SECONDS (on GKE), SANDBOX_VLLM_SPEED (how many times faster than a real server requests
are).
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rules.vllm import TYPICAL_STARTUP_SECONDS
from sandbox.clock import SpeedError, scaled
from sandbox.serving import boot
from sandbox.serving.http import Request, Server, bound, server_tls, until_signal
from sandbox.serving.vllm.api import VERSION, Api
from sandbox.serving.vllm.arguments import ArgumentError, Settings, parse
from sandbox.serving.vllm.command import CommandError, find
from sandbox.serving.vllm.engine import Engine

STARTUP: Final = "SANDBOX_VLLM_STARTUP_SECONDS"
"""Environment variable: seconds on GKE from the start of the process until it answers; by default the middle of what
operators saw."""
SPEED: Final = "SANDBOX_VLLM_SPEED"
_DRAIN_SECONDS: Final = 5.0
"""How long requests in flight may go on after SIGTERM where `--shutdown-timeout` is not written."""
_STAGES: Final = (
    (0.0, "Initializing a V1 LLM engine (v{version}) with config: model='{model}'"),
    (0.1, "Loading weights from {model}"),
    (0.35, "Compiling the model for TPU; XLA compiles every bucket of sizes"),
    (0.95, "KV cache: {blocks} blocks of {block_tokens} tokens"),
)
"""What the log says at which part of start-up, in the order and proportion of a real start."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The stand-in's own options, before `--`."""

    listen: int | None = None
    root: Path | None = None
    chips: int | None = None
    accelerator: str | None = None
    booted: str | None = None


def options(arguments: list[str]) -> tuple[Options, list[str]]:
    """Splits the stand-in's options from the container's command."""
    own, words = arguments, list[str]()
    if "--" in arguments:
        at = arguments.index("--")
        own, words = arguments[:at], arguments[at + 1 :]
    values = dict(zip(own[::2], own[1::2], strict=True))
    listen, root, chips = values.get("--listen"), values.get("--root"), values.get("--chips")
    return Options(
        listen=int(listen) if listen else None,
        root=Path(root) if root else None,
        chips=int(chips) if chips is not None else None,
        accelerator=values.get("--accelerator"),
        booted=values.get(boot.OPTION),
    ), words


async def serve(settings: Settings, own: Options) -> int:
    """Starts up, serves until a signal, drains. Returns the exit code."""
    with bound(own.listen or settings.port) as listener:  # now: start-up is long enough for others to take the port
        return await _serve(settings, own, listener)


async def _serve(settings: Settings, own: Options, listener: socket.socket) -> int:
    ended = asyncio.ensure_future(until_signal())
    startup = scaled(float(os.environ.get(STARTUP) or sum(TYPICAL_STARTUP_SECONDS) / 2))
    boot.tell(own.booted)
    passed = 0.0
    for part, text in _STAGES:
        if await _ends(ended, (part - passed) * startup):
            return 128 + ended.result()
        passed = part
        _log("INFO", text.format(**vars(settings), version=VERSION))
    if await _ends(ended, (1 - passed) * startup):
        return 128 + ended.result()
    tls = _tls(settings, own.root)
    api = Api(settings, Engine(settings, speed=float(os.environ.get(SPEED) or 1)))

    def access(request: Request, status: int) -> None:
        if settings.access_log and request.path not in settings.quiet_paths:
            print(f'INFO:     {request.peer} - "{request.method} {request.path} HTTP/1.1" {status}', flush=True)

    pod = os.environ.get("HOSTNAME", "")
    server = Server(api.handle, listener, tls=tls, access=access, complain=_complain, pod=pod)
    await server.start()
    scheme = "https" if tls else "http"
    _log("INFO", f"Application startup complete. Uvicorn running on {scheme}://0.0.0.0:{settings.port}")
    await ended
    _log("INFO", "Shutting down: finishing requests in flight")
    await server.stop(settings.shutdown_seconds or _DRAIN_SECONDS)
    return 0


async def _ends(signal: asyncio.Future[int], seconds: float) -> bool:
    """Waits; says whether a signal came meanwhile."""
    return bool((await asyncio.wait([signal], timeout=max(seconds, 0)))[0])


def _tls(settings: Settings, root: Path | None) -> ssl.SSLContext | None:
    if settings.certificate is None:
        return None
    key = settings.key or settings.certificate
    return server_tls(_inside(root, settings.certificate), _inside(root, key))


def _inside(root: Path | None, path: str) -> str:
    return path if root is None else str(root / path.lstrip("/"))


def _log(level: str, text: str) -> None:
    print(f"{level}:     {text}", flush=True)


def _complain(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str]) -> int:
    """Runs one server; returns the exit code of the container."""
    own, words = options(arguments)
    try:
        command = find(words, os.environ)
        settings = parse(command.program, command.arguments, chips=own.chips, accelerator=own.accelerator)
        return asyncio.run(serve(settings, own))
    except (CommandError, ArgumentError) as error:
        print(error, file=sys.stderr, flush=True)
        return error.exit_code
    except (OSError, SpeedError, ssl.SSLError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
