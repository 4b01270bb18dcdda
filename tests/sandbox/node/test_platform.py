"""The real charts on a simulated cluster: cert-manager, LWS and KServe, up to an LLMInferenceService that is Ready."""

from __future__ import annotations

import dataclasses
import secrets
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from bench.cycle_watch import exposed, listening
from sandbox.clock import SPEED
from sandbox.cluster.proc import free_ports
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.cluster.spec import NodePoolSpec
from sandbox.kube.client import ApiError
from sandbox.node.addresses import Addresses, file_of
from sandbox.toolchain import Tools
from tests.sandbox.support import SPEC, eventually

Object = dict[str, Any]

POOL_GROUP = "inference.networking.k8s.io"
SERVING = "serving.kserve.io/v1alpha2"
POOLS = (
    NodePoolSpec(name="system", machine_type="e2-standard-4", zones=("us-east5-b",), nodes_per_zone=2),
    NodePoolSpec(name="v6e", machine_type="ct6e-standard-4t", zones=("us-east5-b",), nodes_per_zone=1),
)
RELEASES = (
    ("cert-manager", "cert-manager", "cert-manager", ("crds.enabled=true",)),
    ("lws", "lws", "lws-system", ()),
    ("kserve-crd", "kserve-llmisvc-crd", "kserve", ()),
    ("kserve", "kserve-llmisvc-resources", "kserve", ("kserve.llmisvc.createGIECRDs=false",)),
    ("kserve-configs", "kserve-runtime-configs", "kserve", ("kserve.llmisvcConfigs.enabled=true",)),
)
"""(release, chart, namespace, values), in the order they need each other."""


@pytest.fixture(scope="module")
def platform(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterRuntime]:
    """A cluster of its own with everything installed by Helm, each release awaited, at forty times GKE's speed."""
    patch = pytest.MonkeyPatch()
    patch.setenv(SPEED, "40")
    spec = dataclasses.replace(SPEC, name="platform", port=free_ports(1)[0])
    runtime = ClusterRuntime(tmp_path_factory.mktemp("platform"), spec, tools)
    try:
        runtime.start(lambda _line: None)
        for pool in POOLS:
            runtime.apply_node_pool(pool)
        for release, chart, namespace, values in RELEASES:
            settings = [part for value in values for part in ("--set", value)]
            where = ["--namespace", namespace, "--create-namespace", "--kubeconfig", runtime.kubeconfig]
            command = [tools.helm, "install", release, tools.charts / chart, *where, "--wait", "--timeout", "180s"]
            done = subprocess.run([*command, *settings], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{release}: {done.stderr}"
        yield runtime
    finally:
        runtime.delete()
        patch.undo()


@pytest.fixture
def namespace(platform: ClusterRuntime) -> str:
    """A namespace of this test alone."""
    name = f"test-{secrets.token_hex(4)}"
    platform.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def rule(path: str, rewrite: str, backend: Object) -> Object:
    """One rule of the route, as the program writes it."""
    prefix = {"type": "ReplacePrefixMatch", "replacePrefixMatch": rewrite}
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"path": prefix}}],
        "backendRefs": [backend],
    }


def objects(namespace: str) -> Iterator[Object]:
    """Gateway, route, a policy and the service."""
    gateway = {"gatewayClassName": "gke-l7-regional-external-managed"}
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    pool = {"group": POOL_GROUP, "kind": "InferencePool", "name": "qwen-inference-pool"}
    workload = {"kind": "Service", "name": "qwen-kserve-workload-svc", "port": 8000}
    rules = [
        rule(f"/{namespace}/qwen/v1/completions", "/v1/completions", {**pool, "port": 8000}),
        rule(f"/{namespace}/qwen", "/", workload),
    ]
    check = {"requestPath": "/health", "portSpecification": "USE_FIXED_PORT", "port": 8000}
    container = {
        "name": "main",
        "image": "vllm/vllm-tpu:v0.27.0",
        "command": ["vllm", "serve"],
        "resources": {"limits": {"google.com/tpu": "4"}},
    }
    template = {
        "nodeSelector": {
            "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
            "cloud.google.com/gke-tpu-topology": "2x2",
        },
        "tolerations": [{"key": "google.com/tpu", "operator": "Exists"}],
        "containers": [container],
    }
    router = {"gateway": {"refs": [{"name": "gw", "namespace": namespace}]}, "scheduler": {}}
    specs = (
        ("gateway.networking.k8s.io/v1", "Gateway", "gw", {**gateway, "listeners": [listener]}),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", "qwen", {"parentRefs": [{"name": "gw"}], "rules": rules}),
        (
            "networking.gke.io/v1",
            "HealthCheckPolicy",
            "qwen",
            {"targetRef": pool, "default": {"config": {"type": "HTTP", "httpHealthCheck": check}}},
        ),
        (
            SERVING,
            "LLMInferenceService",
            "qwen",
            {
                "model": {"uri": "hf://Qwen/Qwen3-32B", "name": "Qwen/Qwen3-32B"},
                "replicas": 1,
                "router": {**router, "route": {"http": {"refs": [{"name": "qwen"}]}}},
                "template": template,
            },
        ),
    )
    for api_version, kind, name, spec in specs:
        yield {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        }


def test_llm_inference_service_becomes_ready(platform: ClusterRuntime, namespace: str) -> None:
    """The real controllers agree with every status the sandbox writes; their webhooks and conversions are reached."""
    client = platform.client
    for obj in objects(namespace):
        client.create(obj)

    def conditions() -> dict[str, str]:
        found = client.get(SERVING, "LLMInferenceService", "qwen", namespace) or {}
        return {item["type"]: item["status"] for item in found.get("status", {}).get("conditions", [])}

    eventually(lambda: conditions().get("Ready") == "True", "the LLMInferenceService is Ready", timeout=90)
    assert {"GatewaysReady", "HTTPRoutesReady", "InferencePoolReady", "MainWorkloadReady"} <= conditions().keys()

    def converted() -> bool:
        try:
            return client.get("serving.kserve.io/v1alpha1", "LLMInferenceService", "qwen", namespace) is not None
        except ApiError:
            return False

    # the CA reaches the CRDs last: the API server needs seconds for each patch of two megabytes of schema
    eventually(converted, "the conversion webhook answers", timeout=90)
    (pod,) = client.list("v1", "Pod", namespace, label_selector="kserve.io/component=workload")
    node = client.get("v1", "Node", pod["spec"]["nodeName"])
    assert node is not None
    assert node["metadata"]["labels"]["cloud.google.com/gke-nodepool"] == "v6e"
    addresses, key = Addresses(file_of(platform.directory)), (namespace, pod["metadata"]["name"])
    eventually(lambda: (found := addresses.pod(*key)) is not None and found.ready, "others learn that it is Ready")
    address = addresses.pod(*key)
    assert address is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{address.ports[8000]}/health") as answer:
        assert answer.status == 200

    def attached() -> bool:
        policy = client.get("networking.gke.io/v1", "HealthCheckPolicy", "qwen", namespace) or {}
        found = policy.get("status", {}).get("conditions", [])
        return [(c["type"], c["status"]) for c in found] == [("Attached", "True")]

    eventually(attached, "the policy is attached, and nothing else is said of it")
    client.delete(SERVING, "LLMInferenceService", "qwen", namespace)
    eventually(lambda: client.list("v1", "Pod", namespace) == [], "deletion takes everything along", timeout=60)


def test_controllers_pass_the_probes_of_their_charts(platform: ClusterRuntime) -> None:
    """The charts' own readiness and liveness probes are executed; a controller that passes them is never restarted."""
    for namespace in ("kserve", "lws-system"):
        pods = platform.client.list("v1", "Pod", namespace)
        assert pods
        for pod in pods:
            (container,) = pod["spec"]["containers"]
            assert {"readinessProbe", "livenessProbe"} <= container.keys()
        eventually(lambda namespace=namespace: all_ready(platform, namespace), f"those of {namespace} are ready")


def all_ready(platform: ClusterRuntime, namespace: str) -> bool:
    """Whether every container of the namespace's pods is ready; none may have been restarted."""
    statuses = [
        status
        for pod in platform.client.list("v1", "Pod", namespace)
        for status in pod["status"].get("containerStatuses", [{"ready": False, "restartCount": 0}])
    ]
    assert [status["restartCount"] for status in statuses] == [0] * len(statuses)
    return all(status["ready"] for status in statuses)


def test_lws_injects_the_tpu_environment(platform: ClusterRuntime, namespace: str) -> None:
    """LWS's own webhook, with the certificate its rotator made, adds what libtpu needs on several hosts."""
    client = platform.client
    container = {"name": "main", "image": "example.com/jax:1", "resources": {"limits": {"google.com/tpu": "2"}}}
    worker = {"spec": {"containers": [container], "tolerations": [{"key": "google.com/tpu", "operator": "Exists"}]}}
    group: Object = {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "multi", "namespace": namespace},
        "spec": {"replicas": 1, "leaderWorkerTemplate": {"size": 2, "workerTemplate": worker}},
    }

    client.create(group)

    def available() -> bool:
        found = client.get("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "multi", namespace) or {}
        conditions = found.get("status", {}).get("conditions", [])
        return any(item["type"] == "Available" and item["status"] == "True" for item in conditions)

    eventually(available, "leader and worker are ready", timeout=60)
    names = {
        item["name"]
        for pod in client.list("v1", "Pod", namespace)
        for item in pod["spec"]["containers"][0].get("env", [])
    }
    assert {"LWS_LEADER_ADDRESS", "TPU_WORKER_ID", "TPU_WORKER_HOSTNAMES"} <= names
    client.delete("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "multi", namespace)
    eventually(lambda: client.list("v1", "Pod", namespace) == [], "the group is gone", timeout=60)


def test_other_machines_reach_nothing_but_kserves_webhook(
    platform: ClusterRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything listens on loopback, except the one port whose program takes no address; the day it does, this fails."""
    assert listening(platform.directory)
    assert exposed(platform.directory) == []
    monkeypatch.setattr("bench.cycle_watch.NOT_ON_LOOPBACK", frozenset[str]())
    assert [line for line in exposed(platform.directory) if "llmisvc" not in line] == []
    assert len(exposed(platform.directory)) == 1
