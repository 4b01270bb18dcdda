"""`python -m bench.routing_balancer FILE`: the sandbox's load balancer, programmed once from recorded objects in FILE.

The data path is the sandbox's own: rules, health checks, round robin, endpoint picking, forwarding. Left out is what watches
an API server for changes, since nothing changes here. Prints one JSON line when every endpoint is healthy: the port it
listens on; ends on SIGTERM, or with 1 when an endpoint does not become healthy.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from rules.load_balancer import HEAD_LIMIT_BYTES
from sandbox.balancer import programming
from sandbox.balancer.access_log import AccessLog
from sandbox.balancer.endpoints import Endpoint, members
from sandbox.balancer.health import Fleet
from sandbox.balancer.programming import Program
from sandbox.balancer.proxy import Proxy, View, Weights
from sandbox.balancer.specs import BackendSpec
from sandbox.node.addresses import PodAddress

HEALTHY_SECONDS: Final = 45.0
"""How long the endpoints may take until all are healthy."""
ADDRESS: Final = "203.0.113.7"

Object = dict[str, Any]


def programmed(recorded: Object) -> tuple[Program, dict[str, tuple[BackendSpec, list[Endpoint]]]]:
    """What is served, and each backend with its endpoints."""
    program = programming.program(recorded["source"], stuck=None, address=ADDRESS)
    pods: list[Object] = recorded["pods"]
    addresses = {
        name: PodAddress(
            pod_ip=next(p["status"]["podIP"] for p in pods if _name(p) == name),
            ports={int(port): int(local) for port, local in ports.items()},
        )
        for name, ports in recorded["addresses"].items()
    }
    return program, {key: (spec, members(spec, pods, addresses)) for key, spec in program.backends.items()}


def _name(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


async def serve(recorded: Object, log: Path) -> int:
    """Serves until it is ended; returns early, with 1, when an endpoint stays unhealthy. `log` is its access log."""
    program, wanted = programmed(recorded)
    (listener,) = program.listeners
    fleet = Fleet(lambda: None)
    fleet.update(wanted)
    view = View(program=program, listener=listener, local_ports={})
    proxy = Proxy(lambda: view, fleet, AccessLog(log), Weights())
    server = await asyncio.start_server(proxy.connected, "127.0.0.1", 0, limit=HEAD_LIMIT_BYTES)
    if sick := await _unhealthy(fleet):
        sys.stderr.write("".join(f"{line}\n" for line in sick))
        return 1
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()
    return 0


async def _unhealthy(fleet: Fleet) -> list[str]:
    """Waits until every endpoint is healthy; those that are not in time, with the reason."""
    deadline = time.monotonic() + HEALTHY_SECONDS
    while True:
        states = [(key, state) for key, backend in fleet.backends.items() for state in backend.states()]
        sick = [f"{key}: {state.endpoint.pod}: {state.reason}" for key, state in states if not state.healthy]
        if not sick or time.monotonic() > deadline:
            return sick
        await asyncio.sleep(0.05)


def main() -> int:
    """Runs it."""
    file = Path(sys.argv[1])
    try:
        return asyncio.run(serve(json.loads(file.read_text()), file.with_suffix(".log")))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
