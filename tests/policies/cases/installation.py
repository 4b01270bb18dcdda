"""KServe's installation, CRD owners and API versions."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.cases.parts import PICKER, kserve, picker
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import (
    cluster,
    controllers,
    deployment,
    llm,
    release,
    selector,
    server,
    web,
)


def crd(name: Any) -> Made:
    """A CustomResourceDefinition."""
    return Made(
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        "crd",
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name}},
    )


def files(*addresses: Any) -> Made:
    """YAML files from addresses."""
    return Made("kubernetes:yaml/v2:ConfigGroup", "files", {"files": list(addresses)})


def instead(chart: str, *replacement: Made) -> list[Made]:
    """KServe's installation with one release replaced, or left out."""
    return [made for made in controllers() if made.name != chart] + list(replacement)


def configuration(kind: str = "ConfigMap") -> Made:
    """KServe's ConfigMap, or a patch of it."""
    made = kubernetes("v1", "ConfigMap", "inferenceservice-config", "kserve", data={"ingress": "{}"})
    return Made(f"kubernetes:core/v1:{kind}", made.name, made.props)


def without_configuration(shared: Any = False, **more: Any) -> list[Made]:
    """KServe's installation whose chart leaves its ConfigMap out."""
    values = {"llmisvc": {"createGIECRDs": False}, "createSharedResources": shared, **more}
    return instead("kserve-llmisvc-resources", release("kserve-llmisvc-resources", kserve=values))


def local(chart: str) -> Made:
    """A chart from a directory, which says its version itself."""
    made = release(chart, kserve={"llmisvcConfigs": {"enabled": True}})
    return Made(made.token, made.name, {**made.props, "chart": f"./charts/{chart}", "version": None})


def worker() -> Made:
    """A service of several pods."""
    pod = {"nodeSelector": selector("4x4"), "containers": [server()]}
    return llm(None, template=pod, worker=pod, parallelism={"pipeline": 4})


def inference(kind: str, version: str) -> Made:
    """An inference object of that group and version."""
    return kubernetes(version, kind, "qwen", spec={})


POOL_CRD: Final = "inferencepools.inference.networking.k8s.io"


GIE: Final = (
    "https://github.com/kubernetes-sigs/gateway-api-inference-extension/releases/download/v1.0.0/manifests.yaml"
)


GATEWAY_API: Final = "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.5.1/standard-install.yaml"


CASES: Final[Cases] = {
    "kserve-install": [
        fail("version compatibility", "wrong version number", *instead("kserve-llmisvc-resources", kserve("v0.18.1"))),
        fail("version", "this name before v0.17", release("llmisvc-resources", "v0.16.0")),
        fail(
            "version compatibility",
            "it is no exact version",
            *instead("kserve-llmisvc-crd", release("kserve-llmisvc-crd", "~0.20")),
        ),
        fail(
            "version",
            "image is 'v0.17.0'",
            deployment(web(image="kserve/llmisvc-controller:v0.17.0"), name="llmisvc-controller-manager"),
        ),
        fail(
            "compatibility",
            "is not of the release of kserve-runtime-configs v0.19.0",
            *instead(
                "kserve-runtime-configs",
                release("kserve-runtime-configs", "v0.19.0", kserve={"llmisvcConfigs": {"enabled": True}}),
            ),
        ),
        fail("compatibility", "is built against LeaderWorkerSet 0.8", *instead("lws", release("lws", "0.6.2"))),
        fail("compatibility", "decodes both strictly", picker(f"{PICKER}:v0.10.0"), *controllers()),
        fail(
            "compatibility",
            "llm-d-router-endpoint-picker:v0.9.0",
            picker("ghcr.io/llm-d/llm-d-inference-scheduler:v0.7.0"),
            *controllers(),
        ),
        fail("configuration", "cannot be imported", *controllers(), configuration()),
        fail("configuration", "puts its own text back", *controllers(), configuration("ConfigMapPatch")),
        fail("configuration", "reconciles nothing", *without_configuration()),
        unknown("undecided", "who writes KServe's configuration", *without_configuration(UNKNOWN)),
        good(*without_configuration(), configuration()),
        near(*without_configuration(inferenceServiceConfig={"enabled": True})),
        fail(
            "crd-owner",
            "createGIECRDs is true",
            *instead("kserve-llmisvc-resources", kserve(createGIECRDs=True)),
            cluster(),
        ),
        fail(
            "crd-owner",
            "does not bring the InferencePool CRD",
            *controllers(),
            cluster(minMasterVersion="1.33.4-gke.100"),
        ),
        fail(
            "presets",
            "the chart installs nothing by default",
            llm(),
            *instead("kserve-runtime-configs", release("kserve-runtime-configs")),
        ),
        missing(
            "crd-owner",
            "createGIECRDs is true",
            *instead("kserve-llmisvc-resources", release("kserve-llmisvc-resources")),
            cluster(),
        ),
        missing("companion", "ConfigNotFound", llm(), *instead("kserve-runtime-configs")),
        missing("companion", "no matches for kind Certificate", *instead("cert-manager")),
        missing("companion", "without kserve-llmisvc-crd", *instead("kserve-llmisvc-crd")),
        missing("companion", "no matches for kind LeaderWorkerSet", worker(), *instead("lws")),
        unknown("undecided", "version is '(unknown)'", *instead("kserve-llmisvc-resources", kserve(UNKNOWN))),
        unknown(
            "undecided",
            "chart is '(unknown)'",
            *controllers(),
            Made("kubernetes:helm.sh/v3:Release", "a", {"chart": UNKNOWN}),
        ),
        unknown(
            "undecided",
            "createGIECRDs is '(unknown)'",
            *instead("kserve-llmisvc-resources", kserve(createGIECRDs=UNKNOWN)),
        ),
        good(llm(), cluster(), *controllers()),
        good(worker(), cluster(), *controllers()),
        near(llm()),
        near(worker()),
        near(*instead("kserve-runtime-configs", local("kserve-runtime-configs")), llm()),
        near(cluster(minMasterVersion="1.33.4-gke.100"), *controllers(), crd(POOL_CRD)),
        near(cluster(minMasterVersion="1.33.4-gke.100"), *controllers(), files(GIE)),
        near(picker(f"{PICKER}:v0.9.1"), *controllers()),
        near(release("redis", "~19")),
    ],
    "gke-owned-crd": [
        fail("crd-owner", "GKE installs and reconciles it", cluster(), crd(POOL_CRD)),
        fail("crd-owner", "files is 'inferencepools", cluster(), files(GIE)),
        fail("crd-owner", "gatewayApiConfig", cluster(), crd("httproutes.gateway.networking.k8s.io")),
        fail("crd-owner", "gatewayApiConfig", cluster(), files(GATEWAY_API)),
        fail("crd-owner", "public copies", crd("healthcheckpolicies.networking.gke.io")),
        fail("crd-owner", "is retired", crd("inferencepools.inference.networking.x-k8s.io")),
        missing("", "", crd(POOL_CRD)),
        unknown("", "", cluster(minMasterVersion=UNKNOWN), crd(POOL_CRD)),
        unknown("", "", cluster(), crd(UNKNOWN)),
        good(cluster(), crd("leaderworkersets.leaderworkerset.x-k8s.io")),
        good(cluster(), crd("inferenceobjectives.llm-d.ai")),
        near(cluster(minMasterVersion="1.33.4-gke.100"), crd(POOL_CRD)),
        near(cluster(gatewayApiConfig=None), crd("httproutes.gateway.networking.k8s.io")),
    ],
    "inference-api-version": [
        fail(
            "retired-api",
            "InferencePool left this group",
            inference("InferencePool", "inference.networking.x-k8s.io/v1alpha2"),
        ),
        fail(
            "retired-api",
            "Write apiVersion llm-d.ai/v1alpha2",
            inference("InferenceObjective", "inference.networking.x-k8s.io/v1alpha2"),
        ),
        fail("retired-api", "InferenceModel", inference("InferenceModel", "inference.networking.x-k8s.io/v1alpha2")),
        missing(
            "retired-api",
            "InferencePool",
            Made("kubernetes:inference.networking.x-k8s.io/v1alpha2:InferencePool", "a", {}),
        ),
        unknown(
            "",
            "",
            inference("InferencePool", "inference.networking.k8s.io/v1"),
            kubernetes(UNKNOWN, "InferencePool", "a"),
        ),
        good(inference("InferencePool", "inference.networking.k8s.io/v1")),
        good(inference("InferenceObjective", "llm-d.ai/v1alpha2")),
        near(inference("InferencePoolImport", "inference.networking.x-k8s.io/v1alpha1")),
    ],
}
