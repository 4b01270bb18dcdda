"""Whether the newest version of every server runs, for the end of `make up`.

The old version's pods keep a backend healthy while the new one's crash, so health alone would call such an update done. Owns
what counts as rolled out and the words about what is not. What a Deployment or StatefulSet lacks is `readiness`' business.

A pod that no node takes is excused where nothing is left of an older version and another one serves: an autoscaler asked for
more than there are machines, and the update itself is done. Source of the status fields and the label: api/leaderworkerset/v1
of LeaderWorkerSet 0.8.0; KServe 0.20.0 sets `observedGeneration` after it has written the workloads (PostProcessReconcile).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox import pod_words
from sandbox.kube.client import ApiError, Client, NoMatchError
from sandbox.kubernetes import readiness
from sandbox.kubernetes.objects import SKIP_AWAIT, annotation
from sandbox.kubernetes.pod_reasons import pod_reason, pods_with
from sandbox.node import logs

Object = dict[str, Any]

KSERVE: Final = "serving.kserve.io/v1alpha2"
LWS: Final = "leaderworkerset.x-k8s.io/v1"
_KINDS: Final = ((KSERVE, "LLMInferenceService"), ("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"))
_LWS_NAME: Final = "leaderworkerset.sigs.k8s.io/name"

CERTAIN_RESTARTS: Final = 4
"""After so many ends by itself a container will not do better: a minute of back-off has passed, in GKE's seconds."""
_SIGNAL: Final = 128
"""Exit codes from here on are signals: a probe or somebody else has ended the container, and a slow machine may be why."""


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """One that is not complete. `hopeless`: pods (namespace/name) that only a change of the stack can help."""

    text: str
    hopeless: frozenset[str]


def pending(directory: Path, client: Client, namespaces: Iterable[str]) -> list[Rollout]:
    """What is not rolled out in these namespaces of the cluster in `directory`.

    Raises:
        ApiError: the API server does not answer.
    """
    return [found for namespace in namespaces for found in _pending(directory, client, namespace)]


def _pending(directory: Path, client: Client, namespace: str) -> Iterator[Rollout]:
    workloads = [item for kind in _KINDS for item in _list(client, *kind, namespace)]
    workloads += _list(client, LWS, "LeaderWorkerSet", namespace)
    for workload in workloads:
        lacks = [] if _left_alone(workload) else _lacks(workload)
        if not lacks:
            continue
        pods = _pods(client, workload)
        if _only_waits_for_nodes(workload, pods):
            continue
        doomed = [pod for pod in pods if _is_hopeless(pod)]
        reasons = list(dict.fromkeys(line for pod in doomed or pods if (line := _reason(directory, pod))))
        if not doomed:
            reasons = [*lacks, *reasons]
        name = f"{workload['kind']} {namespace}/{workload['metadata']['name']}"
        text = f"rollout of {name} is not complete: {'; '.join(reasons)}"
        yield Rollout(text=text, hopeless=frozenset(_name(pod) for pod in doomed))


def _list(client: Client, version: str, kind: str, namespace: str) -> list[Object]:
    try:
        return client.list(version, kind, namespace)
    except NoMatchError:
        return []
    except ApiError as error:
        if error.status == 404:
            return []
        raise


def _left_alone(workload: Object) -> bool:
    """Whether it is somebody's decision, or that of another workload, how far it is rolled out."""
    metadata = workload["metadata"]
    owned = any(owner.get("kind") in {"LeaderWorkerSet", "Pod"} for owner in metadata.get("ownerReferences") or [])
    paused = bool(workload.get("spec", {}).get("paused")) or annotation(workload, SKIP_AWAIT) == "true"
    return owned or paused or bool(metadata.get("deletionTimestamp"))


def _lacks(workload: Object) -> list[str]:
    status: Object = workload.get("status") or {}
    if workload["kind"] == "LLMInferenceService":
        seen = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
        return [] if seen else ["KServe has not yet seen this version of it"]
    if workload["kind"] == "LeaderWorkerSet":
        wanted = workload.get("spec", {}).get("replicas", 1)
        counts = (("updatedReplicas", "updated"), ("readyReplicas", "ready"))
        found = [(status.get(key, 0), word) for key, word in counts]
        return [f"{count} of {wanted} groups are {word}" for count, word in found if count < wanted]
    return readiness.missing(workload)


def _pods(client: Client, workload: Object) -> list[Object]:
    """Its pods that are not ready and stay."""
    metadata = workload["metadata"]
    labels: dict[str, str] = workload.get("spec", {}).get("selector", {}).get("matchLabels") or {}
    if workload["kind"] == "LeaderWorkerSet":
        labels = {_LWS_NAME: metadata["name"]}
    found = pods_with(client, metadata["namespace"], labels)
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp") and pod_reason(pod) is not None]


def _only_waits_for_nodes(workload: Object, pods: list[Object]) -> bool:
    status: Object = workload.get("status") or {}
    total, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    seen = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    if workload["kind"] == "LeaderWorkerSet":
        seen = True  # it tells no generation
    serves = status.get("readyReplicas", 0) > 0
    return seen and serves and updated == total and bool(pods) and all(pod_words.unscheduled(pod) for pod in pods)


def _is_hopeless(pod: Object) -> bool:
    for item in pod.get("status", {}).get("containerStatuses") or []:
        ended = (item.get("lastState") or {}).get("terminated") or {}
        waits = ((item.get("state") or {}).get("waiting") or {}).get("reason") == "CrashLoopBackOff"
        by_itself = 0 < ended.get("exitCode", 0) < _SIGNAL
        if waits and by_itself and item.get("restartCount", 0) >= CERTAIN_RESTARTS:
            return True
    return False


def _reason(directory: Path, pod: Object) -> str:
    name = _name(pod)
    if reason := pod_words.unscheduled(pod):
        return f"pod {name} finds no node: {reason}"
    if not pod_words.restarts(pod):
        return f"pod {name} is not ready: {pod_words.summary(pod)}; make logs POD={name}"
    words = next(
        (said for item in pod["status"]["containerStatuses"] if (said := _last_words(directory, pod, item))), ""
    )
    count = pod_words.restarts(pod)
    times = f"{count} time{'s' if count > 1 else ''}"
    return f"pod {name} restarts ({times} so far){f': {words}' if words else ''}; make logs POD={name}"


def _last_words(directory: Path, pod: Object, container: Object) -> str:
    """The last line that a container which has been restarted wrote before it ended."""
    if not container.get("restartCount"):
        return ""
    metadata, ended = pod["metadata"], (container.get("lastState") or {}).get("terminated") or {}
    written = logs.tail(logs.log_file(directory, metadata["namespace"], metadata["name"], container["name"]))
    if "running" in (container.get("state") or {}):
        written = written.rpartition("\n--- ")[0]  # what follows is of the run that goes on
    lines = [line.strip() for line in (written or str(ended.get("message", ""))).splitlines()]
    said = [line for line in lines if line and not line.startswith("---")]
    return said[-1] if said else f"exit code {ended['exitCode']}" if "exitCode" in ended else ""


def _name(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
