"""Waiting for an object: until it is ready, or until it is gone, or until the deadline with all reasons.

Owns the watch and the diagnosis of what is missing. What ready means is `readiness`' business.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from sandbox import clock
from sandbox.kube.errors import ApiError, NoMatchError

from .objects import member, object_id
from .pod_reasons import pod_reasons
from .readiness import fatal, is_awaited, missing

if TYPE_CHECKING:
    from sandbox.kube.client import Client, Object  # loads urllib3: later, if at all

_WATCH_SECONDS: Final = 2
"""A watch is renewed this often, so that a cancelled operation ends soon."""

_QUICK_SECONDS: Final = 5.0
"""What is ready by then needs no explanation; its pods are not asked for."""

_WORKLOADS: Final = frozenset({"DaemonSet", "Deployment", "Job", "Pod", "StatefulSet"})
_MACHINE_SECONDS: Final = 30.0
"""On top of scaled time: starting processes takes as long as this machine needs."""

_PASSING_STATUS: Final = frozenset({0, 410, 429, 500, 503, 504})
"""Answers after which a watch is tried again: no connection, too old a version, an overloaded server."""

Report = Callable[[str], None]
"""Told what is being waited for; shown on the resource's line while the operation runs."""


@dataclass(kw_only=True)
class Patience:
    """How long an operation may take, who is told, and whether it was cancelled."""

    seconds: float
    report: Report
    cancelled: threading.Event = field(default_factory=threading.Event)
    _deadline: float = field(init=False)
    _said: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.seconds

    @property
    def waited(self) -> float:
        """Seconds since the operation began."""
        return self.seconds - max(0.0, self._deadline - time.monotonic())

    @property
    def left(self) -> float:
        """Seconds until the deadline, 0 when it passed or the operation was cancelled."""
        return 0.0 if self.cancelled.is_set() else max(0.0, self._deadline - time.monotonic())

    def say(self, message: str) -> None:
        """Report `message`, once."""
        if message != self._said:
            self._said = message
            self.report(message)

    def pause(self, seconds: float) -> None:
        """Wait before another attempt, at most until the deadline or the cancellation."""
        self.cancelled.wait(min(seconds, self.left))

    @property
    def ended_by(self) -> str:
        """Why there is no time left."""
        return "the operation was cancelled" if self.cancelled.is_set() else f"not within {self.seconds:.0f} s"


def allowed(kind: str, seconds: float) -> float:
    """Real seconds for `seconds` that a program allows an object of `kind`.

    What a workload does (start-up, probes, back-offs, autoscaling) passes at the sandbox's speed, so its deadline does as well.
    """
    return min(seconds, clock.scaled(seconds) + _MACHINE_SECONDS) if kind in _WORKLOADS else seconds


class NotReadyError(Exception):
    """The object is there, but did not become ready. `live` is its last version."""

    def __init__(self, live: Object, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.live = live
        self.reasons = reasons


def wait_ready(client: Client, live: Object, patience: Patience) -> Object:
    """The object once it is ready.

    Raises:
        NotReadyError: it failed, was deleted, or was not ready in time; with what is missing and why.
        ValueError: the annotation `pulumi.com/waitFor` cannot be understood.
    """
    if not is_awaited(live) or _binds_on_first_use(client, live):
        return live
    what = f"{live['kind']} {object_id(live)}"
    lacks: list[str] = []

    def ready(current: Object | None) -> bool:
        nonlocal live, lacks
        if current is None:
            raise NotReadyError(live, [f"{what} was deleted while it was awaited"])
        live = current
        if reason := fatal(live):
            raise NotReadyError(live, [reason, *pod_reasons(client, live)])
        lacks = missing(live)
        if lacks:
            reasons = pod_reasons(client, live) if patience.waited >= _QUICK_SECONDS else []
            patience.say(f"Waiting for {what}: {'; '.join([*lacks, *reasons])}")
        return not lacks

    if _follow(client, live, patience, ready):
        return live
    summary = f"{what} is not ready, {patience.ended_by}: {'; '.join(lacks)}"
    raise NotReadyError(live, [summary, *pod_reasons(client, live)])


def wait_gone(client: Client, live: Object, patience: Patience) -> None:
    """Returns once the object is gone, or another one has its name.

    Raises:
        NotReadyError: finalizers kept it beyond the deadline; says which and what they report.
    """
    what, uid = f"{live['kind']} {object_id(live)}", member(live, "metadata", "uid")
    last = live

    def gone(current: Object | None) -> bool:
        nonlocal last
        if current is None or member(current, "metadata", "uid") != uid:
            return True
        last = current
        patience.say(f"Waiting for {what} to be gone{_held_by(current)}")
        return False

    if not _follow(client, live, patience, gone):
        raise NotReadyError(last, [f"{what} is still being deleted, {patience.ended_by}{_held_by(last)}"])


def _follow(client: Client, obj: Object, patience: Patience, done: Callable[[Object | None], bool]) -> bool:
    """Whether `done` came true for a version of `obj` (None: deleted) before the deadline."""
    while True:
        try:
            if _watch_once(client, obj, patience, done):
                return True
        except NoMatchError:
            return done(None)  # the kind is gone, and its objects with it
        except ApiError as error:
            if patience.left <= 0 or error.status not in _PASSING_STATUS:
                raise
            patience.say(error.message)
            patience.pause(0.5)
        if patience.left <= 0:
            return False


def _watch_once(client: Client, obj: Object, patience: Patience, done: Callable[[Object | None], bool]) -> bool:
    """Reads `obj` and follows it for some seconds."""
    api_version, kind = str(obj["apiVersion"]), str(obj["kind"])
    name, namespace = str(obj["metadata"]["name"]), obj["metadata"].get("namespace")
    current = client.get(api_version, kind, name, namespace)
    if done(current):
        return True
    if patience.left <= 0:
        return False
    events = client.watch(
        api_version,
        kind,
        namespace,
        resource_version=member(current or {}, "metadata", "resourceVersion"),
        timeout_seconds=max(1, min(_WATCH_SECONDS, int(patience.left))),
        field_selector=f"metadata.name={name}",
    )
    for event, version in events:
        if done(None if event == "DELETED" else version):
            return True
        if patience.left <= 0:
            return False
    return False


def _binds_on_first_use(client: Client, live: Object) -> bool:
    if live.get("kind") != "PersistentVolumeClaim" or live.get("apiVersion") != "v1":
        return False
    name = member(live, "spec", "storageClassName")
    storage_class = client.get("storage.k8s.io/v1", "StorageClass", str(name)) if name else None
    return bool(storage_class) and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def _held_by(live: Mapping[str, Any]) -> str:
    held = [*(member(live, "metadata", "finalizers") or []), *(member(live, "spec", "finalizers") or [])]
    text = f" (finalizers: {', '.join(held)})" if held else ""
    conditions = cast("list[Object]", member(live, "status", "conditions") or [])
    if live.get("kind") == "Namespace":
        said = [str(c.get("message")) for c in conditions if c.get("status") == "True" and c.get("message")]
        text += f": {'; '.join(said)}" if said else ""
    return text
