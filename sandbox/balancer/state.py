"""`run/balancer.json`: what each Gateway serves where, and the health of every endpoint, for people and tools.

Owns the file's form. Written whenever something changes, whole or not at all; read by `make status` and whoever else wants
to know. `ports` are the listeners' local ports, kept for the next start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.balancer.health import BackendHealth, State
from sandbox.balancer.matching import Match
from sandbox.balancer.programming import Listener, Program
from sandbox.cluster.files import write_private
from sandbox.cluster.proc import start_time

if TYPE_CHECKING:  # readers need no sockets
    from sandbox.balancer.listening import Listening

Object = dict[str, Any]

FILE = "balancer.json"

HEALTHY, UNHEALTHY, DRAINING = "HEALTHY", "UNHEALTHY", "DRAINING"
"""States of an endpoint; the first two are the words of Compute Engine's `getHealth`."""
PROGRAMMED, BLOCKED, PENDING = "Programmed", "Blocked", "Pending"
"""States of a Gateway: as its routes ask; with an older configuration, or none, because one is refused; not yet."""


def read(directory: Path) -> Object | None:
    """The state of the load balancer of the cluster in `directory`; None while there is none, or its process has ended."""
    content = _content(directory)
    return content if content is not None and _lives(content) else None


def is_left_over(directory: Path) -> bool:
    """Whether the state is that of a process which has ended: it says nothing about now."""
    content = _content(directory)
    return content is not None and not _lives(content)


def write(
    file: Path,
    programs: Iterable[Program],
    backends: Mapping[str, BackendHealth],
    listening: Listening,
) -> None:
    """Writes everything."""
    content = {
        "pid": os.getpid(),
        "started": start_time(os.getpid()),
        "ports": dict(listening.ports),
        "gateways": [_gateway(program, listening) for program in programs],
        "backends": {key: _backend(backend) for key, backend in sorted(backends.items())},
    }
    write_private(file, json.dumps(content, indent=1) + "\n")


def _content(directory: Path) -> Object | None:
    try:
        return json.loads((directory / "run" / FILE).read_text())
    except (OSError, ValueError):
        return None


def _lives(content: Object) -> bool:
    """Whether the process that wrote it still runs; taken for granted where it has not said which it is."""
    pid, started = content.get("pid"), content.get("started")
    now = start_time(pid) if pid is not None else None
    return pid is None or (now is not None and started in {None, now})


def _gateway(program: Program, listening: Listening) -> Object:
    state = BLOCKED if program.problem else PROGRAMMED if program.served else PENDING
    return {
        "namespace": program.namespace,
        "name": program.name,
        "className": program.class_name,
        "address": program.address,
        "state": state,
        "message": program.problem or "",
        "listeners": [_listener(program, item, listening) for item in program.listeners],
    }


def _listener(program: Program, item: Listener, listening: Listening) -> Object:
    name = f"{program.key}/{item.name}"
    return {
        "name": item.name,
        "protocol": item.protocol,
        "port": item.port,
        "localPort": listening.ports.get(name),
        "url": listening.urls.get(name),
        "problem": listening.refused.get(name, ""),
        "rules": [_rule(match) for match in item.matches],
    }


def _rule(match: Match) -> Object:
    redirect = match.filter("requestRedirect")
    return {
        "route": match.route,
        "hosts": list(match.hosts),
        "path": match.path,
        "type": "Exact" if match.exact else "PathPrefix",
        "backends": [{"backend": key, "weight": weight} for key, weight in match.backends],
        **({"redirect": redirect} if redirect is not None else {}),
    }


def _backend(backend: BackendHealth) -> Object:
    spec = backend.spec
    return {
        "kind": spec.kind,
        "namespace": spec.namespace,
        "name": spec.name,
        "port": spec.port,
        "protocol": spec.protocol,
        "timeoutSec": spec.timeout,
        "drainingTimeoutSec": spec.draining,
        "picker": spec.picker.key if spec.picker else None,
        "healthCheck": {
            "type": spec.check.type,
            "requestPath": spec.check.path,
            "checkIntervalSec": spec.check.interval,
            "timeoutSec": spec.check.timeout,
            "healthyThreshold": spec.check.healthy,
            "unhealthyThreshold": spec.check.unhealthy,
            "policy": spec.check.policy,
            "text": spec.check.describe(),
        },
        "endpoints": [_endpoint(state) for state in backend.states()],
    }


def _endpoint(state: State) -> Object:
    word = DRAINING if state.leaving is not None else HEALTHY if state.healthy else UNHEALTHY
    return {
        "pod": state.endpoint.pod,
        "address": state.endpoint.ip,
        "port": state.endpoint.port,
        "localPort": state.endpoint.local,
        "state": word,
        "reason": state.reason,
        "since": state.since,
    }
