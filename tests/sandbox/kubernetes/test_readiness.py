"""When an object is ready, by kind and by the annotation `pulumi.com/waitFor`; on plain objects."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sandbox.kube.client import Client
from sandbox.kubernetes.awaiting import allowed
from sandbox.kubernetes.conditions import WaitForError, find, parse_wait_for
from sandbox.kubernetes.pod_reasons import pod_reason, pod_reasons
from sandbox.kubernetes.readiness import fatal, missing


def live(kind: str, api_version: str, status: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An object of generation 2 with a status."""
    metadata = {"name": "x", "generation": 2, "annotations": fields.pop("annotations", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "status": status, **fields}


def awaiting(wait_for: str, status: dict[str, Any]) -> list[str]:
    """What a custom resource with this annotation lacks."""
    return missing(live("Thing", "example.com/v1", status, annotations={"pulumi.com/waitFor": wait_for}))


@pytest.mark.parametrize(
    ("obj", "lacks"),
    [
        (
            live("Deployment", "apps/v1", {"observedGeneration": 1}, spec={"replicas": 2}),
            "the controller has not yet seen this version of the Deployment",
        ),
        (
            live(
                "Deployment",
                "apps/v1",
                {"observedGeneration": 2, "updatedReplicas": 2, "availableReplicas": 1},
                spec={"replicas": 2},
            ),
            "1 of 2 replicas are available",
        ),
        (
            live(
                "Deployment",
                "apps/v1",
                {"observedGeneration": 2, "updatedReplicas": 2, "availableReplicas": 2, "replicas": 3},
                spec={"replicas": 2},
            ),
            "1 old replicas are still to end",
        ),
        (
            live("StatefulSet", "apps/v1", {"observedGeneration": 2, "readyReplicas": 0}, spec={}),
            "0 of 1 replicas are ready",
        ),
        (
            live("DaemonSet", "apps/v1", {"observedGeneration": 2, "desiredNumberScheduled": 3, "numberAvailable": 2}),
            "2 of 3 pods are available",
        ),
        (live("Job", "batch/v1", {}), "condition Complete is not True"),
        (live("Namespace", "v1", {"phase": "Terminating"}), "phase is Terminating, not Active"),
        (live("PersistentVolumeClaim", "v1", {}), "phase is not set, not Bound"),
        (live("Service", "v1", {}, spec={"type": "LoadBalancer"}), "no load balancer address was assigned"),
        (
            live("CustomResourceDefinition", "apiextensions.k8s.io/v1", {"conditions": []}),
            "condition Established is not True",
        ),
    ],
)
def test_not_ready(obj: dict[str, Any], lacks: str) -> None:
    """What is missing is said in numbers and conditions, not as "timed out"."""
    assert lacks in missing(obj)


@pytest.mark.parametrize(
    "obj",
    [
        live("Deployment", "apps/v1", {"observedGeneration": 2}, spec={"replicas": 0}),
        live("DaemonSet", "apps/v1", {"observedGeneration": 2, "desiredNumberScheduled": 0}),
        live("Service", "v1", {}, spec={"clusterIP": "None"}),
        live("Service", "v1", {}, spec={"type": "ClusterIP"}),
        live("Job", "batch/v1", {"conditions": [{"type": "Complete", "status": "True"}]}),
        live("Thing", "example.com/v1", {}),
        live("Deployment", "example.com/v1", {}),
    ],
)
def test_ready(obj: dict[str, Any]) -> None:
    """A workload without pods, a Service inside the cluster and a custom resource are not waited for."""
    assert missing(obj) == []


def test_a_failed_job_is_not_waited_for() -> None:
    """A state without return ends the wait with its reason."""
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}
    assert fatal(live("Job", "batch/v1", {"conditions": [failed]})) == "the Job failed: BackoffLimitExceeded too often"


def test_condition_of_the_current_generation_counts_whenever_it_changed() -> None:
    """Incident: after an update without effect the official waiter wants a newer transition and hangs (4521)."""
    old = {"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z", "observedGeneration": 2}
    assert awaiting("condition=Ready", {"conditions": [old]}) == []


@pytest.mark.parametrize(
    ("wait_for", "status", "lacks"),
    [
        ("condition=Ready", {}, "there is no condition Ready yet"),
        (
            "condition=Ready",
            {"conditions": [{"type": "Ready", "status": "False", "reason": "NoPods", "message": "none"}]},
            "condition Ready is False, not True (NoPods: none)",
        ),
        (
            "condition=Ready=True",
            {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]},
            "condition Ready is of an older version of the object",
        ),
        ("jsonpath={.status.phase}=Running", {"phase": "Pending"}, "{.status.phase} is Pending, not Running"),
        ("jsonpath={.status.url}", {}, "{.status.url} is not there yet"),
        ('["condition=Ready", "jsonpath={.status.url}"]', {}, "{.status.url} is not there yet"),
    ],
)
def test_wait_for_lacks(wait_for: str, status: dict[str, Any], lacks: str) -> None:
    """The annotation's condition and what it found instead are named."""
    assert lacks in awaiting(wait_for, status)


@pytest.mark.parametrize(
    ("wait_for", "status"),
    [
        ("condition=ready", {"conditions": [{"type": "Ready", "status": "True"}]}),
        ("condition=Degraded=false", {"conditions": [{"type": "Degraded", "status": "False"}]}),
        ("jsonpath={.status.phase}=Running", {"phase": "Running"}),
        ("jsonpath={.status.phase}=Cluster in healthy state", {"phase": "Cluster in healthy state"}),
        ("jsonpath={.status.ready}=true", {"ready": True}),
        ("jsonpath={.status.replicas}=3", {"replicas": 3}),
        (
            'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True',
            {"conditions": [{"type": "X", "status": "False"}, {"type": "Ready", "status": "True"}]},
        ),
        ("jsonpath={.status.parents[*].name}", {"parents": [{"name": "a"}]}),
        (
            '["condition=Ready", "jsonpath={.status.url}"]',
            {"conditions": [{"type": "Ready", "status": "True"}], "url": "u"},
        ),
    ],
)
def test_wait_for_holds(wait_for: str, status: dict[str, Any]) -> None:
    """The forms of `kubectl wait --for` hold when kubectl says so."""
    assert awaiting(wait_for, status) == []


@pytest.mark.parametrize("wait_for", ["Ready", "condition=", "delete", "[]", "[1]", "[", "jsonpath=.x|y{"])
def test_wait_for_that_means_nothing(wait_for: str) -> None:
    """A misspelt annotation is an error with the forms that are understood, not an endless wait."""
    with pytest.raises(WaitForError, match=r"pulumi\.com/waitFor"):
        parse_wait_for(wait_for)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [1]),
        ("$.a['b']", [1]),
        (".list[0].n", [1]),
        (".list[-1].n", [2]),
        (".list[*].n", [1, 2]),
        (".a.*", [1]),
        (r".a\.b", [3]),
        (".nothing.here", []),
    ],
)
def test_json_paths(path: str, found: list[int]) -> None:
    """The steps of a JSONPath."""
    assert find(path, {"a": {"b": 1}, "list": [{"n": 1}, {"n": 2}], "a.b": 3}) == found


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (
            {
                "containerStatuses": [
                    {"name": "m", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no"}}}
                ]
            },
            "Pod x is Pending (container m: ImagePullBackOff: no)",
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [{"name": "m", "state": {"terminated": {"reason": "Error", "exitCode": 3}}}],
            },
            "Pod x is Running (container m: Error with exit code 3)",
        ),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes fit"}
                ]
            },
            "Pod x is Pending (Unschedulable: 0/3 nodes fit)",
        ),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, None),
    ],
)
def test_pod_reasons(status: dict[str, Any], reason: str | None) -> None:
    """Why a pod is not ready fits on one line."""
    assert pod_reason({"metadata": {"name": "x"}, "status": status}) == reason


class Events:
    """A cluster with one unready pod and what a kubelet has said of it."""

    def list(self, _version: str, kind: str, _namespace: str | None, **selectors: str) -> list[dict[str, Any]]:
        """The pod, or its warnings."""
        if kind == "Pod":
            said = "containers with unready status: [m]"
            conditions = [
                {"type": kind, "status": "False", "reason": "ContainersNotReady", "message": said}
                for kind in ("ContainersReady", "Ready")
            ]
            return [{"metadata": {"name": "x", "uid": "u"}, "status": {"phase": "Running", "conditions": conditions}}]
        assert selectors == {"field_selector": "involvedObject.uid=u,type=Warning"}
        return [
            {"reason": "Unhealthy", "message": "an older one", "lastTimestamp": "2026-01-01T00:00:00Z"},
            {
                "reason": "Unhealthy",
                "message": "Startup probe failed: refused",
                "lastTimestamp": "2026-01-01T00:00:02Z",
            },
            {"reason": "BackOff", "message": "Back-off restarting", "lastTimestamp": "2026-01-01T00:00:03Z"},
        ]


def test_a_probe_that_fails_is_among_the_reasons() -> None:
    """The incident: a health check on a port where nothing listens was three minutes of dots."""
    deployment = {"kind": "Deployment", "metadata": {}, "spec": {"selector": {"matchLabels": {"app": "x"}}}}
    assert pod_reasons(cast("Client", Events()), deployment) == [
        "Pod x is Running (ContainersNotReady: containers with unready status: [m]): Startup probe failed: refused"
    ]


def test_deadlines_of_workloads_pass_at_the_sandboxs_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """900 s of a Deployment are 90 and what this machine needs; at GKE's own speed, and for other kinds, they stay."""
    monkeypatch.setenv("SANDBOX_SPEED", "10")
    assert allowed("Deployment", 900) == 120
    assert allowed("Deployment", 3) == 3
    assert allowed("CustomResourceDefinition", 900) == 900
    monkeypatch.setenv("SANDBOX_SPEED", "1")
    assert allowed("Deployment", 900) == 900
