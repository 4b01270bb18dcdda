"""Every container image that this product makes run: whose it is, which build, and where one says that it comes from elsewhere.

Owns the list, and the values by which the charts take images and pull secrets from elsewhere. Does not own reading references
(`image.py`) nor what fits which KServe (`kserve_install.py`).
Source: values.yaml and templates of cert-manager v1.21.1, LeaderWorkerSet v0.8.0 and KServe v0.20.0 (kserve-llmisvc-resources,
kserve-runtime-configs), and pkg/controller/v1alpha2/llmisvc of the latter (scheduler.go, workload_storage.go); 2026-08.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rules.kserve import CERT_MANAGER_CHART, CERT_MANAGER_VERSION, KSERVE_CHART, KSERVE_VERSION, LWS_CHART, LWS_VERSION
from rules.workload_metrics import ADAPTER

VLLM_TPU: Final = "vllm/vllm-tpu:v0.27.0"
"""vLLM for TPU, which is on Docker Hub."""
ENDPOINT_PICKER: Final = "ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.9.0"
"""Endpoint picker of the scheduler preset of KServe 0.20; the flags that KServe writes are this release's."""
ROUTING_SIDECAR: Final = "ghcr.io/llm-d/llm-d-router-disagg-sidecar:v0.9.0"
"""What stands before a server that generates for prefill servers, in the decode preset of KServe 0.20."""
CONTROLLER: Final = "docker.io/kserve/llmisvc-controller"
STORAGE_INITIALIZER: Final = "docker.io/kserve/storage-initializer"
"""Repositories whose tags are KServe's release."""
LWS: Final = "registry.k8s.io/lws/lws"
LWS_TAG: Final = f"v{LWS_VERSION}"
"""Written out, because the chart in LeaderWorkerSet's sources says `main`, which moves; only its published copy has the tag."""
_CERT_MANAGER: Final = "quay.io/jetstack/cert-manager-"


@dataclass(frozen=True, kw_only=True)
class ChartImage:
    """An image that a Helm chart makes run."""

    chart: str
    repository: str
    """The publisher's, with its registry: what the chart takes when the value is left out."""
    tag: str
    """What the pinned chart pulls."""
    value: tuple[str, ...]
    """Where the chart's values name the repository."""
    runs: str
    """What it is, for people."""


def _of_cert_manager(part: str, runs: str) -> ChartImage:
    above = () if part == "controller" else (part,)
    return ChartImage(
        chart=CERT_MANAGER_CHART.name,
        repository=f"{_CERT_MANAGER}{part}",
        tag=CERT_MANAGER_VERSION,
        value=(*above, "image", "repository"),
        runs=runs,
    )


CHART_IMAGES: Final = (
    _of_cert_manager("controller", "cert-manager"),
    _of_cert_manager("webhook", "cert-manager's webhook"),
    _of_cert_manager("cainjector", "cert-manager's CA injector"),
    _of_cert_manager("startupapicheck", "a Job that waits for cert-manager's webhook"),
    _of_cert_manager("acmesolver", "nothing here: what cert-manager would start for an ACME issuer"),
    ChartImage(
        chart=LWS_CHART.name,
        repository=LWS,
        tag=LWS_TAG,
        value=("image", "manager", "repository"),
        runs="LeaderWorkerSet's controller",
    ),
    ChartImage(
        chart=KSERVE_CHART.name,
        repository=CONTROLLER,
        tag=KSERVE_VERSION,
        value=("kserve", "llmisvc", "controller", "image"),
        runs="KServe's controller",
    ),
    ChartImage(
        chart=KSERVE_CHART.name,
        repository=STORAGE_INITIALIZER,
        tag=KSERVE_VERSION,
        value=("kserve", "storage", "image"),
        runs="what loads weights before a server starts, and the tokenizer before an endpoint picker",
    ),
)

SERVING_IMAGES: Final[Mapping[str, str]] = {
    VLLM_TPU: "servers of models, unless a model names another image",
    ENDPOINT_PICKER: "endpoint pickers of models",
    ROUTING_SIDECAR: "beside servers of models with prefill servers",
    ADAPTER: "what autoscalers read managed Prometheus through",
}
"""What the program itself names in pods, and what of it runs."""

NOT_RUN: Final[Mapping[str, str]] = {
    "ghcr.io/llm-d/llm-d-cuda": "servers always name an image of their own",
    "ghcr.io/llm-d/llm-d-uds-tokenizer": "KServe takes it out again where a picker has no precise-prefix-cache-scorer",
    "ghcr.io/llm-d/llm-d-latency-predictor-training-server": "for a predicted-latency-producer, which no picker here has",
    "ghcr.io/llm-d/llm-d-latency-predictor-prediction-server": "for a predicted-latency-producer, which no picker here has",
}
"""Images that KServe's presets name and no pod of this product runs, by repository, and why."""

_PULL_SECRETS: Final[Mapping[str, tuple[str, ...]]] = {
    CERT_MANAGER_CHART.name: ("global", "imagePullSecrets"),
    LWS_CHART.name: ("imagePullSecrets",),
    KSERVE_CHART.name: ("kserve", "llmisvc", "controller", "imagePullSecrets"),
}
_BY_NAME: Final = frozenset({KSERVE_CHART.name})
"""Charts that take the names of pull secrets, not references to them."""


def chart_values(chart: str, places: Mapping[str, str], pull_secrets: Sequence[str] = ()) -> dict[str, Any]:
    """Values with which the chart pulls its images from `places`, named by the publisher's repository, with these Secrets."""
    values: dict[str, Any] = {}
    for image in CHART_IMAGES:
        if image.chart == chart and image.repository in places:
            _put(values, image.value, places[image.repository])
    if pull_secrets and chart in _PULL_SECRETS:
        named = list(pull_secrets)
        _put(values, _PULL_SECRETS[chart], named if chart in _BY_NAME else references(named))
    return values


def references(pull_secrets: Sequence[str]) -> list[dict[str, str]]:
    """`imagePullSecrets` of a pod."""
    return [{"name": name} for name in pull_secrets]


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *above, last = path
    for step in above:
        values = values.setdefault(step, {})
    values[last] = value
