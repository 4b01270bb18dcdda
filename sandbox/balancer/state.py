"""`run/balancer.json`: what each Gateway serves where, and the health of every endpoint, for people and tools.

Owns the file's form. Written whenever something changes, whole or not at all; read by `make status` and whoever else wants
to know. `ports` are the listeners' local ports, kept for the next start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sandbox.balancer.health import BackendHealth, State
from sandbox.balancer.matching import Match
from sandbox.balancer.programming import Listener, Program
from sandbox.cluster.files import write_private

Object = dict[str, Any]

FILE = "balancer.json"

HEALTHY, UNHEALTHY, DRAINING = "HEALTHY", "UNHEALTHY", "DRAINING"
"""States of an endpoint; the first two are the words of Compute Engine's `getHealth`."""
PROGRAMMED, BLOCKED, PENDING = "Programmed", "Blocked", "Pending"
"""States of a Gateway: as its routes ask; with an older configuration, or none, because one is refused; not yet."""


def read(directory: Path) -> Object | None:
    """The state of the load balancer of the cluster in `directory`; None while there is none."""
    try:
        return json.loads((directory / "run" / FILE).read_text())
    except (OSError, ValueError):
        return None


def write(
    file: Path,
    programs: Iterable[Program],
    backends: Mapping[str, BackendHealth],
    ports: Mapping[str, int],
    listening: Mapping[str, str],
) -> None:
    """Writes everything; `listening` is the URL of each listener that is being served."""
    content = {
        "pid": os.getpid(),
        "ports": dict(ports),
        "gateways": [_gateway(program, ports, listening) for program in programs],
        "backends": {key: _backend(backend) for key, backend in sorted(backends.items())},
    }
    write_private(file, json.dumps(content, indent=1) + "\n")


def _gateway(program: Program, ports: Mapping[str, int], listening: Mapping[str, str]) -> Object:
    state = BLOCKED if program.problem else PROGRAMMED if program.served else PENDING
    return {
        "namespace": program.namespace,
        "name": program.name,
        "className": program.class_name,
        "address": program.address,
        "state": state,
        "message": program.problem or "",
        "listeners": [_listener(program, item, ports, listening) for item in program.listeners],
    }


def _listener(program: Program, item: Listener, ports: Mapping[str, int], listening: Mapping[str, str]) -> Object:
    name = f"{program.key}/{item.name}"
    return {
        "name": item.name,
        "protocol": item.protocol,
        "port": item.port,
        "localPort": ports.get(name),
        "url": listening.get(name),
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
