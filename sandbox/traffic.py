"""The last step of `make up`: waiting until requests get through, to the version that was just applied.

The engine is done when the objects exist; a model then still loads its weights and compiles, and the load balancer still
counts successful checks. Owns the wait and the words about what is missing. Does not own health: the load balancer decides
(`sandbox.balancer`), and this only reads what it wrote; nor what counts as rolled out (`sandbox.rollouts`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sandbox import clock, rollouts
from sandbox.balancer import state
from sandbox.balancer.report import NOT_RUNNING
from sandbox.kube.client import ApiError, Client, KubeconfigError
from sandbox.toolchain.progress import Progress

Object = dict[str, Any]

PATIENCE: Final = 900.0
"""GKE seconds: three times what a server of the field reports took to start."""

MARGIN: Final = 60.0
"""Real seconds on top, for what does not get faster with the sandbox's speed: processes that start."""

_POLL: Final = 0.2
ROLLOUT_POLL: Final = 1.0
"""The load balancer's state is a file; rollouts cost the API server some requests."""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What does not serve yet, in a line; `hopeless` where waiting cannot help."""

    line: str
    hopeless: bool = False


def wait(home: Path, owned: Callable[[str], bool], progress: Progress, *, patience: float | None = None) -> list[str]:
    """Waits until every backend of every route has a healthy endpoint and its namespace's workloads are rolled out; says
    what is missing after `patience` real seconds, or when all of it is hopeless.

    `owned` tells whether a cluster, by its resource id, is of the stack that was just applied.
    """
    directories = [path for path in sorted((home / "clusters").glob("*")) if owned(resource_id(path))]
    deadline = time.monotonic() + (MARGIN + clock.scaled(PATIENCE) if patience is None else patience)
    look = _Look(directories)
    if not directories or not look.missing():
        return []
    pause = threading.Event()
    with progress.step("Servers start and become healthy") as report:
        while (missing := look.missing()) and time.monotonic() < deadline:
            if all(item.hopeless for item in missing):
                break
            total = look.total + len(missing)
            report(total - len(missing), total)
            pause.wait(_POLL)
    return [item.line for item in missing]


@dataclass(kw_only=True)
class _Asked:
    """What one cluster's API server said last."""

    client: Client | None = None
    at: float = 0.0
    found: list[rollouts.Rollout] = field(default_factory=list[rollouts.Rollout])


class _Look:
    """Looks at all clusters again and again."""

    def __init__(self, directories: list[Path]) -> None:
        self._asked = {directory: _Asked() for directory in directories}
        self.total = 0

    def missing(self) -> list[Missing]:
        """What does not serve yet; `total` is how many backends there are."""
        found: list[Missing] = []
        self.total = 0
        for directory, asked in self._asked.items():
            if state.is_left_over(directory):
                found.append(Missing(line=f"{directory.name}: {NOT_RUNNING}"))
            content = state.read(directory)
            if content is None:
                continue
            self.total += len(list(_backends(content)))
            self._ask(directory, asked, content)
            doomed = frozenset[str]().union(*(rollout.hopeless for rollout in asked.found))
            found += _missing(content, doomed)
            found += [Missing(line=rollout.text, hopeless=bool(rollout.hopeless)) for rollout in asked.found]
        return found

    def _ask(self, directory: Path, asked: _Asked, content: Object) -> None:
        kubeconfig = directory / "kubeconfig"
        if time.monotonic() - asked.at < ROLLOUT_POLL or not kubeconfig.exists():
            return
        namespaces = sorted({name.split("/")[1] for name in _backends(content)})
        try:
            asked.client = asked.client or Client.from_kubeconfig(kubeconfig)
            asked.found = rollouts.pending(directory, asked.client, namespaces)
        except (ApiError, KubeconfigError) as error:
            line = f"{directory.name}: the API server does not answer: {error}"
            asked.found = [rollouts.Rollout(text=line, hopeless=frozenset())]
        asked.at = time.monotonic()


def resource_id(directory: Path) -> str:
    """The resource id of the cluster whose folder this is, as the stack's state names it."""
    project, location, name = directory.name.split("_", 2)
    return f"projects/{project}/locations/{location}/clusters/{name}"


def _missing(content: Object, doomed: frozenset[str]) -> Iterator[Missing]:
    for gateway in content["gateways"]:
        if gateway["state"] != state.PROGRAMMED:
            reason = gateway["message"] or "it has no address yet"
            line = f"Gateway {gateway['namespace']}/{gateway['name']} is {gateway['state'].lower()}: {reason}"
            yield Missing(line=line)
        for listener in gateway["listeners"]:
            if listener.get("problem"):
                where = f"Gateway {gateway['namespace']}/{gateway['name']}: listener {listener['name']}"
                yield Missing(line=f"{where} cannot be served: {listener['problem']}")
    for name in _backends(content):
        backend = content["backends"].get(name)
        endpoints = [] if backend is None else backend["endpoints"]
        if any(endpoint["state"] == state.HEALTHY for endpoint in endpoints):
            continue
        reasons = dict.fromkeys(f"{endpoint['pod']}: {endpoint['reason']}" for endpoint in endpoints)
        line = f"{name} has no healthy endpoint: {'; '.join(reasons) or 'it has no pods yet'}"
        yield Missing(line=line, hopeless=bool(endpoints) and {item["pod"] for item in endpoints} <= doomed)


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
