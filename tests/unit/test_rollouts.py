"""What counts as rolled out, and what is said of a server that does not come up."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from sandbox import rollouts
from sandbox.kube.client import Client, NoMatchError
from sandbox.node.logs import log_file

Object = dict[str, Any]

DONE = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
ROLLING = DONE | {"replicas": 2}
"""The old version's pod serves, and the new one's is not ready."""
CRASHED = {"terminated": {"exitCode": 2, "message": "usage: vllm\nvllm: error: from the status"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}
UNSCHEDULED = {
    "type": "PodScheduled",
    "status": "False",
    "message": "0/3 nodes are available: 3 Insufficient cpu. more",
}
LOG = "--- started\nusage: vllm\nvllm: error: unrecognized arguments: --no-such-flag\n"


class Cluster:
    """An API server that holds these objects and knows no other kinds."""

    def __init__(self, objects: list[Object]) -> None:
        self._objects = objects

    def list(self, version: str, kind: str, namespace: str, *, label_selector: str = "") -> list[Object]:
        """The objects of a kind; pods by one label."""
        assert namespace == "llm"
        found = [item for item in self._objects if item["kind"] == kind]
        if not found and kind != "Pod":
            raise NoMatchError(version, kind)
        name, _, value = label_selector.partition("=")
        return [item for item in found if not name or item["metadata"]["labels"].get(name) == value]


def workload(status: Object, kind: str = "Deployment", **fields: Any) -> Object:
    """A workload of generation 2 with one replica."""
    metadata = {"namespace": "llm", "name": "qwen", "generation": 2, **fields.pop("metadata", {})}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "qwen"}}, **fields}
    version = "apps/v1" if kind in {"Deployment", "StatefulSet"} else "other/v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, "status": status}


def pod(restarts: int = 0, state: Object | None = None, last: Object | None = None, *conditions: Object) -> Object:
    """A pod that is not ready."""
    container = {"name": "main", "ready": False, "restartCount": restarts, "state": state or {"running": {}}}
    status = {
        "phase": "Running",
        "conditions": list(conditions),
        "containerStatuses": [container | {"lastState": last}],
    }
    labels = {"app": "qwen", "leaderworkerset.sigs.k8s.io/name": "qwen"}
    metadata = {"namespace": "llm", "name": "qwen-new", "labels": labels}
    return {"kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "main"}]}, "status": status}


def pending(home: Path, *objects: Object) -> list[rollouts.Rollout]:
    """What is not rolled out in the namespace `llm`."""
    return rollouts.pending(home, cast("Client", Cluster(list(objects))), ["llm"])


@pytest.mark.parametrize(
    "done",
    [
        workload(DONE),
        workload(ROLLING, paused=True),
        workload(ROLLING, metadata={"deletionTimestamp": "now"}),
        workload(ROLLING, metadata={"annotations": {"pulumi.com/skipAwait": "true"}}),
        workload({}, "StatefulSet", metadata={"ownerReferences": [{"kind": "LeaderWorkerSet"}]}),
        workload({"updatedReplicas": 1, "readyReplicas": 1}, "LeaderWorkerSet"),
        workload({"observedGeneration": 2}, "LLMInferenceService"),
    ],
    ids=["deployment", "paused", "leaving", "not awaited", "of a LeaderWorkerSet", "LeaderWorkerSet", "service"],
)
def test_nothing_is_said_of_what_is_done_or_left_alone(tmp_path: Path, done: Object) -> None:
    """A rollout that is complete, that somebody has paused, or that another workload answers for."""
    assert pending(tmp_path, done, pod()) == []


def test_a_new_version_that_crashes_is_hopeless_and_told_in_its_own_words(tmp_path: Path) -> None:
    """The incident: new servers restarted for ever, the old one kept the backend healthy, and `make up` ended well."""
    log = log_file(tmp_path, "llm", "qwen-new", "main")
    log.parent.mkdir(parents=True)
    log.write_text(LOG)
    (found,) = pending(tmp_path, workload(ROLLING), pod(4, BACK_OFF, CRASHED))
    assert found.text == (
        "rollout of Deployment llm/qwen is not complete: pod llm/qwen-new restarts (4 times so far): "
        "vllm: error: unrecognized arguments: --no-such-flag; make logs POD=llm/qwen-new"
    )
    assert found.hopeless == {"llm/qwen-new"}


@pytest.mark.parametrize(
    "uncertain",
    [
        pod(3, BACK_OFF, CRASHED),
        pod(9, {"running": {}}, CRASHED),
        pod(9, BACK_OFF, {"terminated": {"exitCode": 137}}),
    ],
    ids=["few restarts", "runs again", "ended by a probe"],
)
def test_what_may_still_come_is_waited_for(tmp_path: Path, uncertain: Object) -> None:
    """A slow machine, or a server that waits for another one, is no crash loop for certain."""
    (found,) = pending(tmp_path, workload(ROLLING), uncertain)
    assert not found.hopeless
    assert "1 old replicas are still to end" in found.text
    assert "restarts" in found.text


def test_words_of_the_run_that_goes_on_are_no_reason(tmp_path: Path) -> None:
    """What a restarted server writes while it loads is not why it was restarted."""
    log = log_file(tmp_path, "llm", "qwen-new", "main")
    log.parent.mkdir(parents=True)
    log.write_text(f"{LOG}--- llm/qwen-new/main starts again: restart 1\nloading weights\n")
    (found,) = pending(tmp_path, workload(ROLLING), pod(1, {"running": {}}, CRASHED))
    assert "unrecognized arguments: --no-such-flag; make logs" in found.text
    assert "1 time so far" in found.text


def test_without_a_log_the_status_speaks(tmp_path: Path) -> None:
    """A pod may have been run elsewhere, or by nobody."""
    (found,) = pending(tmp_path, workload(ROLLING), pod(4, BACK_OFF, CRASHED))
    assert "vllm: error: from the status" in found.text
    (found,) = pending(tmp_path, workload(ROLLING), pod(4, BACK_OFF, {"terminated": {"exitCode": 3}}))
    assert "(4 times so far): exit code 3" in found.text


def test_an_autoscaler_that_asks_for_more_than_there_is_does_not_hold_up(tmp_path: Path) -> None:
    """All of the newest version, one serves: pods without a node were no failure of an update before, and are none now."""
    scaled = DONE | {"replicas": 2, "updatedReplicas": 2}
    assert pending(tmp_path, workload(scaled, replicas=2), pod(0, None, None, UNSCHEDULED)) == []


@pytest.mark.parametrize("status", [ROLLING, {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1}])
def test_a_new_version_without_a_node_is_told(tmp_path: Path, status: Object) -> None:
    """The old version alone serves, or none does."""
    (found,) = pending(tmp_path, workload(status), pod(0, None, None, UNSCHEDULED))
    assert "pod llm/qwen-new finds no node: 0/3 nodes are available: 3 Insufficient cpu" in found.text
    assert not found.hopeless


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (workload(DONE | {"observedGeneration": 1}), "the controller has not yet seen this version of the Deployment"),
        (workload({"observedGeneration": 1}, "LLMInferenceService"), "KServe has not yet seen this version of it"),
        (
            workload({"updatedReplicas": 0, "readyReplicas": 1}, "LeaderWorkerSet"),
            "0 of 1 groups are updated; pod llm/q",
        ),
    ],
)
def test_a_change_that_no_controller_has_seen_is_waited_for(tmp_path: Path, late: Object, words: str) -> None:
    """The engine is done as soon as the object is written; until its controller has looked, the old pods look complete."""
    assert words in pending(tmp_path, late, pod())[0].text
