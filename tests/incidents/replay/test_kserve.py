"""What KServe brings along by itself: its route, its Service's protocol, what it needs before it starts (deployment report 4,
6, 7 and 15), with its real controllers; and the same model as the program declares it.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.controllers import InferenceControllersArgs, kserve_values
from rules import kserve, kserve_config
from rules.gateway import GATEWAY_API_VERSION
from rules.load_balancer import GATEWAY_HEALTHY, NO_ROUTE
from sandbox.balancer import state
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.node.logs import log_file
from sandbox.toolchain import Tools
from tests.committed import committed
from tests.incidents.replay import platform, servers
from tests.incidents.replay.conftest import new_place
from tests.incidents.replay.place import SECONDS, Object, Place, to_service
from tests.sandbox.node.test_platform import RELEASES, SERVING
from tests.sandbox.support import eventually

GATEWAY = "inference-gateway"
MODEL = "qwen2-5-3b"
PROMPT = '{"prompt": "Hello", "max_tokens": 4}'
ARGUMENTS = InferenceControllersArgs(mirror=None, gateway="kserve/gw", https=False)
TLS_ERROR = "TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"
NO_MATCHES = 'no matches for kind \\"LeaderWorkerSet\\" in version \\"leaderworkerset.x-k8s.io/v1\\"'


def configuration(*, backend_tls: bool) -> Object:
    """KServe's ConfigMap as the program writes it, with its TLS switch on or off."""
    data = kserve_config.inference_service_config(
        gateway=ARGUMENTS.gateway,
        https=False,
        backend_tls=backend_tls,
        storage_image="kserve/storage-initializer:v0.20.0",
    )
    metadata = {"name": kserve.INFERENCE_SERVICE_CONFIG_MAP, "namespace": "kserve"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def with_url_scheme(scheme: str) -> Object:
    """The report's first attempt, with the switch on: the scheme where it wrote it, and where KServe reads it."""
    made = configuration(backend_tls=True)
    for part in ("deploy", "ingress"):
        made["data"][part] = json.dumps({**json.loads(made["data"][part]), "urlScheme": scheme})
    return made


class Charts:
    """The charts of the controllers, installed with the program's values one by one."""

    def __init__(self, cluster: ClusterRuntime, tools: Tools, folder: Path) -> None:
        self.cluster = cluster
        self._tools = tools
        self._values = folder / "kserve.json"
        self._values.write_text(json.dumps(kserve_values(ARGUMENTS)))

    def install(self, *releases: str) -> None:
        """Installs releases and waits for them."""
        for release, chart, namespace, settings in RELEASES:
            if release not in releases:
                continue
            own = chart == kserve.KSERVE_CHART.name
            given: list[Any] = ["--values", self._values] if own else [f"--set={value}" for value in settings]
            where = ["--namespace", namespace, "--create-namespace", "--kubeconfig", self.cluster.kubeconfig]
            command = [self._tools.helm, "install", release, self._tools.charts / chart, *where]
            done = subprocess.run(
                [*command, "--wait", "--timeout=180s", *given], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{release}: {done.stderr}"


@pytest.fixture(scope="module")
def charts(replay_cluster: ClusterRuntime, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Charts:
    """cert-manager and KServe, and nothing of LeaderWorkerSet."""
    made = Charts(replay_cluster, tools, tmp_path_factory.mktemp("charts"))
    new_place(replay_cluster, "kserve")
    replay_cluster.client.create(configuration(backend_tls=False))
    made.install("cert-manager", "kserve-crd", "kserve", "kserve-configs")
    return made


def controller_log(place: Place) -> str:
    """What KServe's controller has written."""
    pods = place.client.list("v1", "Pod", "kserve")
    files = [
        log_file(place.cluster.directory, "kserve", pod["metadata"]["name"], container["name"])
        for pod in pods
        for container in pod["spec"]["containers"]
    ]
    return "".join(file.read_text() for file in files if file.is_file())


def service_of(place: Place, name: str, **fields: Any) -> None:
    """A model whose server is started by a command of its own, in plain HTTP, behind the Gateway `gw`."""
    container = {
        "name": "main",
        "image": servers.VLLM_IMAGE,
        "command": ["bash", "-c", servers.COMMAND],
        "env": [servers.QUICK],
        "resources": {"limits": {"google.com/tpu": "4"}},
        "readinessProbe": servers.probe("/health"),
    }
    template = {
        "nodeSelector": servers.TPU_NODES,
        "tolerations": [{"key": "google.com/tpu", "operator": "Exists"}],
        "containers": [container],
    }
    router = {"gateway": {"refs": [{"name": "gw", "namespace": place.name}]}, "route": {}, "scheduler": {}}
    spec = {
        "model": {"uri": "hf://Qwen/Qwen2.5-3B", "name": "qwen"},
        "replicas": 1,
        "router": router,
        "template": template,
        **fields,
    }
    place.create(SERVING, kserve.LLM_INFERENCE_SERVICE, name, spec)


def workload_port(place: Place, name: str) -> Object:
    """The port of the Service that KServe makes for a model, empty while there is none."""
    service = place.client.get("v1", "Service", f"{name}-kserve-workload-svc", place.name)
    return {} if service is None else dict(service["spec"]["ports"][0])


def test_leader_worker_set_is_missing(charts: Charts, place: Place) -> None:
    """A model over several hosts fails with the report's message as long as nobody has installed LWS; its chart repairs it."""
    place.gateway("gw")
    worker = {"containers": [{"name": "main", "image": servers.VLLM_IMAGE}]}
    service_of(place, "model", worker=worker, parallelism={"tensor": 4, "data": 2, "dataLocal": 1})
    eventually(lambda: NO_MATCHES in controller_log(place), "the controller says what is missing", timeout=SECONDS)
    charts.install("lws")

    def group() -> object:
        return place.client.list("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", place.name)

    eventually(group, "the controller goes on", timeout=SECONDS)


def test_the_route_that_kserve_makes(charts: Charts, place: Place) -> None:
    """`timeouts` on every rule, GWCER104, and the Gateway serves nothing; made from the program's preset, the route is taken."""
    del charts
    place.gateway("gw")
    place.answers("gw", "/", 404, NO_ROUTE)
    service_of(place, "model")
    told = place.until(GATEWAY_API_VERSION, "HTTPRoute", "model-kserve-route", "Accepted", "False", "GWCER104")
    assert "Timeouts are not supported." in told
    route = place.client.get(GATEWAY_API_VERSION, "HTTPRoute", "model-kserve-route", place.name) or {}
    assert route["spec"]["rules"][0]["timeouts"] == {"backendRequest": "0s", "request": "0s"}
    place.until(GATEWAY_API_VERSION, "Gateway", "gw", GATEWAY_HEALTHY, "False", "GWCER104")
    eventually(lambda: place.gateway_state("gw").get("state") == state.BLOCKED, "the load balancer is held up")
    assert place.ask("gw", f"/{place.name}/model/v1/models") == (404, NO_ROUTE), "what it had: no route at all"

    preset = kserve_config.route_preset(gateway="gw", section="http")
    place.create(SERVING, kserve.LLM_INFERENCE_SERVICE_CONFIG, kserve.ROUTE_PRESET, preset)
    place.delete(SERVING, kserve.LLM_INFERENCE_SERVICE, "model")
    eventually(lambda: place.client.get("v1", "Service", "model-kserve-workload-svc", place.name) is None, "gone")
    service_of(place, "model")
    place.until(GATEWAY_API_VERSION, "HTTPRoute", "model-kserve-route", "Accepted", "True")
    place.until(GATEWAY_API_VERSION, "Gateway", "gw", GATEWAY_HEALTHY, "True")


def test_kserve_says_https_and_takes_every_patch_back(charts: Charts, place: Place) -> None:
    """With the switch on, a server in plain HTTP has TLS errors on /health and /v1/models; neither the report's urlScheme nor
    a patched Service changes that; with the switch off the Service says http and both are answered.
    """
    client = charts.cluster.client
    try:
        client.apply(with_url_scheme("https"), field_manager="replay", force=True)
        preset = kserve_config.route_preset(gateway="gw", section="http")
        place.create(SERVING, kserve.LLM_INFERENCE_SERVICE_CONFIG, kserve.ROUTE_PRESET, preset)
        place.gateway("gw")
        service_of(place, "model")
        name = "model-kserve-workload-svc"
        place.health_check("service", to_service(name))
        eventually(lambda: workload_port(place, "model").get("appProtocol") == "https", "https", timeout=SECONDS)
        backend = {"name": name, "port": 8000}
        place.until_health(backend, "HEALTHY")
        for path in ("/health", "/v1/models"):
            place.answers("gw", f"/{place.name}/model{path}", 503, TLS_ERROR)

        client.apply(with_url_scheme("http"), field_manager="replay", force=True)
        for _ in range(2):  # the second time KServe has certainly read the new scheme
            before = (client.get("v1", "Service", name, place.name) or {})["metadata"]["resourceVersion"]
            ports = [{**workload_port(place, "model"), "appProtocol": "http"}]
            place.patch("v1", "Service", name, {"spec": {"ports": ports}})
            eventually(
                lambda: workload_port(place, "model").get("appProtocol") == "https", "taken back", timeout=SECONDS
            )
            assert (client.get("v1", "Service", name, place.name) or {})["metadata"]["resourceVersion"] != before
    finally:
        client.apply(configuration(backend_tls=False), field_manager="replay", force=True)
    eventually(lambda: workload_port(place, "model").get("appProtocol") == "http", "http", timeout=SECONDS)
    for path in ("/health", "/v1/models"):
        place.answers("gw", f"/{place.name}/model{path}", 200)


def test_a_model_as_the_program_declares_it(charts: Charts, place: Place) -> None:
    """Route, protocol, probes and both health checks from one declaration: every path of the reports answers 200."""
    del charts

    def fit(made: Object) -> None:
        if made["kind"] == kserve.LLM_INFERENCE_SERVICE:
            made["spec"]["template"]["nodeSelector"].pop("cloud.google.com/gke-nodepool")  # the pools here are others
            made["spec"]["template"]["containers"][0]["env"] = [servers.QUICK]

    platform.deploy(committed("dev"), place, fit)
    place.until(SERVING, kserve.LLM_INFERENCE_SERVICE, MODEL, "Ready", "True")
    prefix = f"/{place.name}/{MODEL}"
    place.answers(GATEWAY, f"{prefix}/v1/completions", 200, "text_completion", PROMPT)
    message = '{"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}'
    place.answers(GATEWAY, f"{prefix}/v1/chat/completions", 200, "chat.completion", message)
    place.answers(GATEWAY, f"{prefix}/v1/models", 200, "Qwen/Qwen2.5-3B-Instruct")
    place.answers(GATEWAY, f"{prefix}/health", 200)
    place.until(GATEWAY_API_VERSION, "Gateway", GATEWAY, GATEWAY_HEALTHY, "True")
