"""`python -m sandbox.serving.http_service [--listen PORT] [--image REPOSITORY] [--booted FILE] -- ARGS…`: one stand-in; ARGS
are a container's. FILE is made once it listens.

It listens at once and is ready after start-up (SANDBOX_HTTP_STARTUP_SECONDS, seconds on GKE), as servers that load models in
the background. `POST /__fault {"ready": false, "alive": …, "latency_ms": …, "error_rate": …}` changes how it behaves, and
`GET /__fault` tells; both from this machine only, and not through a load balancer.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final, cast

from rules.http_servers import STARTUP_SECONDS, Role
from sandbox.clock import SpeedError, scaled
from sandbox.serving import boot, prometheus
from sandbox.serving.http import LOOPBACK, Request, Response, Server, json_response, until_signal
from sandbox.serving.http_service.load import USAGE_PATH, FaultError, Faults, Load
from sandbox.serving.http_service.options import OptionError, Options, parse

STARTUP: Final = "SANDBOX_HTTP_STARTUP_SECONDS"
FAULT_PATH: Final = "/__fault"
_DRAIN_SECONDS: Final = 5.0
_PROXY_HEADERS: Final = ("via", "x-forwarded-for")


class Service:
    """One pod's server. `startup` is in real seconds."""

    def __init__(self, options: Options, startup: float) -> None:
        self._options = options
        self._began = time.monotonic()
        self._startup = startup
        self._faults = Faults()
        self._load = Load(self._faults)

    @property
    def started(self) -> bool:
        """Whether start-up is over."""
        return time.monotonic() - self._began >= self._startup

    @property
    def ready(self) -> bool:
        """Whether it says that it takes requests."""
        return self.started and self._faults.ready

    async def handle(self, request: Request) -> Response:
        """The answer to any request."""
        if request.path in {FAULT_PATH, USAGE_PATH}:
            return self._inside(request)
        role = self._options.server.paths.get(request.path)
        if role is None:
            return json_response({"detail": "Not Found"}, 404)
        if role == "serve":
            return await self._serve(request)
        if request.method != "GET":
            return json_response({"detail": "Method Not Allowed"}, 405)
        return self._report(role)

    def _report(self, role: Role) -> Response:
        if role == "metrics":
            text = self._load.metrics(impetus=self._options.impetus, ready=self.ready)
            return Response(body=text.encode(), content_type=prometheus.CONTENT_TYPE)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if role == "live":
            uptime = round(time.monotonic() - self._began, 1)
            body = {"status": "ok", "alive": self._faults.alive, "timestamp": now, "uptime_seconds": uptime}
            return json_response(body, 200 if self._faults.alive else 503)
        good = self.started if role == "startup" else self.ready
        checks = {"models_loaded": self.started, "memory_available": True}
        body = {"ready": good, "timestamp": now, "checks": checks, "message": "Ready" if good else "Not ready"}
        return json_response(body, 200 if good or role == "info" else 503)

    async def _serve(self, request: Request) -> Response:
        if not self.started:
            return json_response({"detail": "Model not loaded"}, 503)
        if not await self._load.serve():
            return json_response({"detail": "Internal Server Error"}, 500)
        return json_response({"path": request.path, "bytes": len(request.body)})

    def _inside(self, request: Request) -> Response:
        far = not request.peer.startswith(f"{LOOPBACK}:") or any(name in request.headers for name in _PROXY_HEADERS)
        if far:
            return json_response({"detail": "Not Found"}, 404)
        if request.path == USAGE_PATH:
            return json_response({"cpuSeconds": self._load.cpu_seconds})
        if request.method == "POST":
            try:
                body: object = request.json()
                self._faults.change(cast("dict[str, Any]", body) if isinstance(body, dict) else {"": body})
            except (ValueError, FaultError) as error:
                return json_response({"detail": str(error)}, 400)
        return json_response(vars(self._faults))


async def serve(options: Options, listen: int, booted: str | None = None) -> int:
    """Serves until a signal, drains. Returns the exit code."""
    ended = asyncio.ensure_future(until_signal())
    service = Service(options, scaled(float(os.environ.get(STARTUP) or STARTUP_SECONDS)))

    def access(request: Request, status: int) -> None:
        if request.path == USAGE_PATH:
            return  # the sandbox's own question, which no server on a cluster is asked
        phrase = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}.get(status, "")
        print(
            f'INFO:     {request.peer} - "{request.method} {request.path} HTTP/1.1" {status} {phrase}'.rstrip(),
            flush=True,
        )

    pod = os.environ.get("HOSTNAME", "")
    server = Server(service.handle, listen, access=access, complain=lambda text: print(text, flush=True), pod=pod)
    await server.start()
    boot.tell(booted)
    print(f"INFO:     Uvicorn running on http://0.0.0.0:{options.server.port}", flush=True)
    await ended
    await server.stop(_DRAIN_SECONDS)
    return 0


def main(arguments: list[str]) -> int:
    """Runs one server; returns the exit code of the container."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    own = dict(zip(arguments[:at:2], arguments[1:at:2], strict=True))
    try:
        options = parse(own.get("--image", ""), arguments[at + 1 :], os.environ)
        return asyncio.run(serve(options, int(own.get("--listen") or options.server.port), own.get(boot.OPTION)))
    except (OptionError, OSError, SpeedError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
