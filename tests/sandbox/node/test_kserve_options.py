"""KServe's real controller under this program's own ConfigMap, route preset and certificate authority."""

from __future__ import annotations

import base64
import dataclasses
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509

from components import certificates
from components.controllers import InferenceControllersArgs, kserve_values
from rules import kserve, kserve_config
from sandbox.clock import SPEED
from sandbox.cluster.proc import free_ports
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.toolchain import Tools
from tests.sandbox.node.test_platform import POOLS, RELEASES, SERVING
from tests.sandbox.support import SPEC, eventually

Object = dict[str, Any]

ARGUMENTS = InferenceControllersArgs(mirror=None, gateway="models/gw", https=False)


def configuration(*, backend_tls: bool) -> Object:
    """KServe's ConfigMap as the program writes it."""
    data = kserve_config.inference_service_config(
        gateway=ARGUMENTS.gateway,
        https=False,
        backend_tls=backend_tls,
        storage_image="kserve/storage-initializer:v0.20.0",
    )
    name = kserve.INFERENCE_SERVICE_CONFIG_MAP
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "kserve"}, "data": data}


@pytest.fixture(scope="module")
def platform(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterRuntime]:
    """A cluster with the charts installed with the program's values, and the ConfigMap that they leave out."""
    patch = pytest.MonkeyPatch()
    patch.setenv(SPEED, "40")
    spec = dataclasses.replace(SPEC, name="options", port=free_ports(1)[0])
    runtime = ClusterRuntime(tmp_path_factory.mktemp("options"), spec, tools)
    values = tmp_path_factory.mktemp("values") / "kserve.json"
    values.write_text(json.dumps(kserve_values(ARGUMENTS)))
    try:
        runtime.start(lambda _line: None)
        for pool in POOLS:
            runtime.apply_node_pool(pool)
        for name in ("kserve", "models"):
            runtime.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        runtime.client.create(configuration(backend_tls=True))
        for release, chart, namespace, settings in RELEASES:
            given = ["--values", values] if chart == kserve.KSERVE_CHART.name else []
            given += [part for value in settings if not given for part in ("--set", value)]
            where = ["--namespace", namespace, "--create-namespace", "--kubeconfig", runtime.kubeconfig]
            command = [tools.helm, "install", release, tools.charts / chart, *where, "--wait", "--timeout", "180s"]
            done = subprocess.run([*command, *given], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{release}: {done.stderr}"
        yield runtime
    finally:
        runtime.delete()
        patch.undo()


@pytest.fixture(scope="module")
def served(platform: ClusterRuntime) -> ClusterRuntime:
    """The Gateway, the route preset in the models' namespace, and a service that leaves its route to KServe."""
    client = platform.client
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    container = {
        "name": "main",
        "image": "vllm/vllm-tpu:v0.27.0",
        "command": ["vllm", "serve", "/mnt/models"],
        "args": ["--served-model-name=qwen", *kserve_config.TLS_ARGUMENTS],
    }
    objects = (
        (
            "gateway.networking.k8s.io/v1",
            "Gateway",
            "gw",
            {"gatewayClassName": "gke-l7-regional-external-managed", "listeners": [listener]},
        ),
        (
            SERVING,
            kserve.LLM_INFERENCE_SERVICE_CONFIG,
            kserve.ROUTE_PRESET,
            kserve_config.route_preset(gateway="gw", section="http"),
        ),
        (
            SERVING,
            kserve.LLM_INFERENCE_SERVICE,
            "qwen",
            {
                "model": {"uri": "hf://Qwen/Qwen2.5-3B", "name": "qwen"},
                "replicas": 1,
                "router": {"route": {"http": {}}, "scheduler": {}},
                "template": {"containers": [container]},
            },
        ),
    )
    for api_version, kind, name, spec in objects:
        metadata = {"name": name, "namespace": "models"}
        client.create({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
    return platform


def workload_port(platform: ClusterRuntime) -> Object:
    """The port of the service's Service, empty while there is none."""
    service = platform.client.get("v1", "Service", "qwen-kserve-workload-svc", "models")
    return {} if service is None else service["spec"]["ports"][0]


def picker_command(platform: ClusterRuntime) -> list[str]:
    """The command of the endpoint picker, empty while there is none."""
    found = platform.client.get("apps/v1", "Deployment", "qwen-kserve-router-scheduler", "models")
    if found is None:
        return []
    containers: list[Object] = found["spec"]["template"]["spec"]["containers"]
    return [word for container in containers if container["name"] == "main" for word in container["command"]]


def test_managed_route_is_made_from_the_override(served: ClusterRuntime) -> None:
    """KServe finds the preset in the namespace first: no timeouts and no rule names, which GKE refuses or ignores.

    Its caches fill on their own: a service that it hears of before the preset gets its own rules first, and ours when
    the preset arrives.
    """

    def route() -> Object:
        return served.client.get("gateway.networking.k8s.io/v1", "HTTPRoute", "qwen-kserve-route", "models") or {}

    expected = len(kserve_config.route_preset(gateway="gw", section="http")["router"]["route"]["http"]["spec"]["rules"])
    eventually(lambda: len(route().get("spec", {}).get("rules", ())) == expected, "KServe makes our rules", timeout=90)
    made = route()
    rules: list[Object] = made["spec"]["rules"]
    assert all("timeouts" not in rule and "name" not in rule for rule in rules)
    paths = [rule["matches"][0]["path"]["value"] for rule in rules]
    assert paths[0] == "/models/qwen/v1/completions"
    assert paths[-1] == "/models/qwen"
    assert {rule["backendRefs"][0]["name"] for rule in rules} == {"qwen-inference-pool", "qwen-kserve-workload-svc"}
    (parent,) = made["spec"]["parentRefs"]
    assert (parent["name"], parent["sectionName"]) == ("gw", "http")


def test_the_switch_turns_everything(served: ClusterRuntime) -> None:
    """Service and endpoint picker follow the ConfigMap, also when it changes: one update, no restart of the controller."""
    eventually(lambda: workload_port(served).get("appProtocol") == "https", "the Service says https", timeout=90)
    eventually(lambda: "--model-server-metrics-scheme=https" in picker_command(served), "the picker reads by https")
    served.client.apply(configuration(backend_tls=False), field_manager="test", force=True)
    eventually(lambda: workload_port(served).get("appProtocol") == "http", "the Service says http", timeout=90)
    eventually(lambda: "--model-server-metrics-scheme=https" not in picker_command(served), "the picker reads by http")


def test_the_authority_signs(platform: ClusterRuntime) -> None:
    """Root, issuer and a leaf of it, RSA 2048 throughout; the leaf names its hosts and verifies against the root."""
    client = platform.client
    root_spec = {
        "isCA": True,
        "commonName": "test platform root",
        "secretName": "platform-root",
        "privateKey": certificates.KEY,
        "issuerRef": {"group": certificates.GROUP, "kind": "ClusterIssuer", "name": "platform-self-signed"},
    }
    leaf_spec = {
        "secretName": "gateway-tls",
        "dnsNames": ["models.example.com"],
        "privateKey": certificates.KEY,
        "issuerRef": {"group": certificates.GROUP, "kind": "ClusterIssuer", "name": certificates.AUTHORITY},
    }
    for kind, name, namespace, spec in (
        ("ClusterIssuer", "platform-self-signed", None, {"selfSigned": {}}),
        ("Certificate", "platform-root", "cert-manager", root_spec),
        ("ClusterIssuer", certificates.AUTHORITY, None, {"ca": {"secretName": "platform-root"}}),
        ("Certificate", "gateway-tls", "models", leaf_spec),
    ):
        metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
        client.create({"apiVersion": certificates.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec})

    def secret() -> Object | None:
        return client.get("v1", "Secret", "gateway-tls", "models")

    eventually(lambda: secret() is not None, "the certificate is issued", timeout=60)
    data = (secret() or {})["data"]
    leaf, root = (x509.load_pem_x509_certificate(base64.b64decode(data[key])) for key in ("tls.crt", "ca.crt"))
    leaf.verify_directly_issued_by(root)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["models.example.com"]
    for each in (leaf, root):
        assert getattr(each.public_key(), "key_size", 0) == 2048
