"""The last step of `make up`: waiting until requests get through.

The engine is done when the objects exist; a model then still loads its weights and compiles, and the load balancer still
counts successful checks. Owns the wait and the words about what is missing. Does not own health: the load balancer decides
(`sandbox.balancer`), and this only reads what it wrote.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from sandbox import clock
from sandbox.balancer import state
from sandbox.balancer.report import NOT_RUNNING
from sandbox.toolchain.progress import Progress

Object = dict[str, Any]

PATIENCE: Final = 900.0
"""GKE seconds: three times what a server of the field reports took to start."""

MARGIN: Final = 60.0
"""Real seconds on top, for what does not get faster with the sandbox's speed: processes that start."""

_POLL: Final = 0.2


def wait(home: Path, owned: Callable[[str], bool], progress: Progress, *, patience: float | None = None) -> list[str]:
    """Waits until every backend of every route has a healthy endpoint; says what is missing after `patience` real seconds.

    `owned` tells whether a cluster, by its resource id, is of the stack that was just applied.
    """
    directories = [path for path in sorted((home / "clusters").glob("*")) if owned(resource_id(path))]
    deadline = time.monotonic() + (MARGIN + clock.scaled(PATIENCE) if patience is None else patience)
    if not directories or not _pending(directories):
        return []
    pause = threading.Event()
    with progress.step("Servers start and become healthy") as report:
        while (missing := _pending(directories)) and time.monotonic() < deadline:
            total = sum(len(list(_backends(content))) for content in _contents(directories))
            report(total - len(missing), total)
            pause.wait(_POLL)
    return missing


def resource_id(directory: Path) -> str:
    """The resource id of the cluster whose folder this is, as the stack's state names it."""
    project, location, name = directory.name.split("_", 2)
    return f"projects/{project}/locations/{location}/clusters/{name}"


def _contents(directories: list[Path]) -> Iterator[Object]:
    yield from (content for directory in directories if (content := state.read(directory)) is not None)


def _pending(directories: list[Path]) -> list[str]:
    """What does not serve yet, a line each."""
    stopped = [f"{path.name}: {NOT_RUNNING}" for path in directories if state.is_left_over(path)]
    return [*stopped, *(line for content in _contents(directories) for line in _missing(content))]


def _missing(content: Object) -> Iterator[str]:
    for gateway in content["gateways"]:
        if gateway["state"] != state.PROGRAMMED:
            reason = gateway["message"] or "it has no address yet"
            yield f"Gateway {gateway['namespace']}/{gateway['name']} is {gateway['state'].lower()}: {reason}"
        for listener in gateway["listeners"]:
            if listener.get("problem"):
                where = f"Gateway {gateway['namespace']}/{gateway['name']}: listener {listener['name']}"
                yield f"{where} cannot be served: {listener['problem']}"
    for name in _backends(content):
        backend = content["backends"].get(name)
        endpoints = [] if backend is None else backend["endpoints"]
        if any(endpoint["state"] == state.HEALTHY for endpoint in endpoints):
            continue
        reasons = dict.fromkeys(f"{endpoint['pod']}: {endpoint['reason']}" for endpoint in endpoints)
        yield f"{name} has no healthy endpoint: {'; '.join(reasons) or 'it has no pods yet'}"


def _backends(content: Object) -> Iterator[str]:
    """The backends that get traffic, and the endpoint pickers they ask, once each."""
    names: dict[str, None] = {}
    for gateway in content["gateways"]:
        for listener in gateway["listeners"]:
            for rule in listener["rules"]:
                for entry in rule["backends"]:
                    if entry["weight"]:
                        names[entry["backend"]] = None
                        picker = content["backends"].get(entry["backend"], {}).get("picker")
                        if picker:
                            names[picker] = None
    return iter(names)
