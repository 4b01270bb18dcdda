"""KServe's LLMInferenceService: names of what it generates, charts and versions it comes in, what its presets bring.

Owns facts about KServe v0.20 and the controllers pinned with it. Does not own GKE's view of the results (`gateway.py`).
Source: github.com/kserve/kserve v0.20.0 of 2026-08-06 (pkg/controller/v1alpha2/llmisvc, config/llmisvcconfig,
kserve-deps.env).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rules.finding import Finding

GROUP: Final = "serving.kserve.io"
API_VERSION: Final = "serving.kserve.io/v1alpha2"
LLM_INFERENCE_SERVICE: Final = "LLMInferenceService"
LLM_INFERENCE_SERVICE_CONFIG: Final = "LLMInferenceServiceConfig"
SYSTEM_NAMESPACE: Final = "kserve"
"""Namespace of controller and presets; presets are looked up in the service's own namespace first."""

MAX_NAME_LENGTH: Final = 38
"""63 less the longest suffix, `-kserve-self-signed-certs`; KServe cuts and hashes what is longer (kmeta.ChildName)."""

MINIMUM_VERSION: Final = "v0.19.0"
"""From here the workload Service's appProtocol follows `enableLLMInferenceServiceTLS`; before, it is always https."""

ROUTE_PRESET: Final = "kserve-config-llm-router-route"
"""Preset merged into every service with `router.route` and no `route.http.refs`; all 12 rules carry `timeouts: 0s`."""
TEMPLATE_PRESET: Final = "kserve-config-llm-template"
"""Preset of the server container: a CUDA image, 1 GiB of `/dev/shm`, a startup window of 600 s. Override it for TPU."""
PIPELINE_PRESET: Final = "kserve-config-llm-worker-pipeline-parallel"
"""Preset that a service with workers and pipeline parallelism is merged with; no chart brings it (config_merge.go)."""
SCHEDULER_PRESET: Final = "kserve-config-llm-scheduler"
PRESET_STARTUP_SECONDS: Final = 600
SERVER_CONTAINER: Final = "main"
ROUTING_SIDECAR: Final = "llm-d-routing-sidecar"
"""Init container of the decode preset that stays, before a server that generates for prefill servers."""
STORAGE_INITIALIZER: Final = "storage-initializer"
"""Init container that loads the weights; what a template says of a container of this name is merged into KServe's."""
STORAGE_INITIALIZER_SCHEMES: Final = ("hf://", "s3://")
"""Where it loads from. For other schemes KServe makes no such container (llmisvc/workload_storage.go)."""
STORAGE_INITIALIZER_MEMORY: Final = "32Gi"
"""Memory limit for it. KServe's own is 1Gi, which no chart value changes (kserve#5412): Hugging Face downloads of more
than about 8 GB end OOMKilled (kserve#5326), and one of 40 GB needed 16Gi (kserve#5162). TPU hosts have 176 GB and more."""
TLS_FILES: Final = {"ssl-certfile": "/var/run/kserve/tls/tls.crt", "ssl-keyfile": "/var/run/kserve/tls/tls.key"}
"""vLLM's flags for the certificate that KServe makes for each service and its preset mounts, with or without TLS."""
SHARED_MEMORY_VOLUME: Final = "dshm"
"""The preset's volume for /dev/shm; a template that names it changes its size."""
INFERENCE_SERVICE_CONFIG_MAP: Final = "inferenceservice-config"
PRESET_PROTECTION: Final = "PREVENT_WELL_KNOWN_CONFIG_DELETION"
"""Environment variable of the controller; unless it is false, its webhook refuses to delete any preset, even a Helm
uninstall's, and the presets' finalizers can only be cleared while the controller runs (cmd/llmisvc/main.go)."""
TLS_SWITCH: Final = "enableLLMInferenceServiceTLS"
"""Key in the `ingress` JSON of that ConfigMap; cluster-wide, false by default."""

POOL_PORT: Final = 8000
DECODE_PORT: Final = 8001
"""Where a server listens behind the routing sidecar of a service with prefill servers (config-llm-decode-template)."""
ENDPOINT_PICKER_PORT: Final = 9002
ENDPOINT_PICKER_HEALTH_PORT: Final = 9003
ENDPOINT_PICKER_METRICS_PORT: Final = 9090
WEBHOOK_PORTS: Final = (9443, 10250)
"""Where webhooks listen: KServe's and LeaderWorkerSet's on 9443, cert-manager's on 10250 (their charts). GKE's own rule
opens private nodes to the control plane on 443 and 10250 alone (values.yaml of cert-manager v1.21.1; gatekeeper#499,
opentelemetry-operator#100, cloud-on-k8s#2579), and every webhook here has failurePolicy Fail."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Helm chart, its pinned version, and the namespace it goes to."""

    name: str
    repository: str
    """OCI prefix or repository address, without the chart's name."""
    version: str
    namespace: str


KSERVE_VERSION: Final = "v0.20.0"
LWS_VERSION: Final = "0.8.0"
"""The LeaderWorkerSet that KServe 0.18 to 0.20 are built against (kserve-deps.env)."""
CERT_MANAGER_VERSION: Final = "v1.21.1"

CERT_MANAGER_CHART: Final = Chart(
    name="cert-manager",
    repository="oci://quay.io/jetstack/charts",
    version=CERT_MANAGER_VERSION,
    namespace="cert-manager",
)
LWS_CHART: Final = Chart(
    name="lws", repository="oci://registry.k8s.io/lws/charts", version=LWS_VERSION, namespace="lws-system"
)
_KSERVE_REPOSITORY: Final = "oci://ghcr.io/kserve/charts"
KSERVE_CRD_CHART: Final = Chart(
    name="kserve-llmisvc-crd", repository=_KSERVE_REPOSITORY, version=KSERVE_VERSION, namespace=SYSTEM_NAMESPACE
)
KSERVE_CHART: Final = Chart(
    name="kserve-llmisvc-resources", repository=_KSERVE_REPOSITORY, version=KSERVE_VERSION, namespace=SYSTEM_NAMESPACE
)
KSERVE_PRESETS_CHART: Final = Chart(
    name="kserve-runtime-configs", repository=_KSERVE_REPOSITORY, version=KSERVE_VERSION, namespace=SYSTEM_NAMESPACE
)
"""Brings the presets only with `kserve.llmisvcConfigs.enabled=true`; without them services stay ConfigNotFound."""


MODEL_LABEL: Final = "inference-model"
"""A label of this program's on the pods of a service, for what selects by names without dots and slashes."""


def workload_labels(name: str) -> dict[str, str]:
    """Labels by which KServe's InferencePool selects the server pods of a service, and nothing else."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": "llminferenceservice",
        "kserve.io/component": "workload",
    }


@dataclass(frozen=True)
class GeneratedNames:
    """The objects KServe makes for a service of that name (llmisvc/*.go at v0.20.0)."""

    name: str

    @property
    def deployment(self) -> str:
        """Single-node server Deployment."""
        return f"{self.name}-kserve"

    @property
    def leader_worker_set(self) -> str:
        """Multi-node server LeaderWorkerSet."""
        return f"{self.name}-kserve-mn"

    @property
    def workload_service(self) -> str:
        """Service in front of the server pods, port 8000."""
        return f"{self.name}-kserve-workload-svc"

    @property
    def route(self) -> str:
        """HTTPRoute of a managed or inline route; none is made for a route by reference."""
        return f"{self.name}-kserve-route"

    @property
    def inference_pool(self) -> str:
        """InferencePool of a service with a scheduler and without `scheduler.pool.ref`."""
        return f"{self.name}-inference-pool"

    @property
    def endpoint_picker(self) -> str:
        """Deployment of the endpoint picker."""
        return f"{self.name}-kserve-router-scheduler"

    @property
    def endpoint_picker_service(self) -> str:
        """Service of the endpoint picker."""
        return f"{self.name}-epp-service"

    @property
    def endpoint_picker_service_account(self) -> str:
        """ServiceAccount of the endpoint picker."""
        return f"{self.name}-epp-sa"

    @property
    def certificates_secret(self) -> str:
        """Secret with the self-signed serving certificate."""
        return f"{self.name}-kserve-self-signed-certs"


def check_name(name: str, path: str = "metadata.name") -> list[Finding]:
    """Whether the names KServe derives from `name` can be known beforehand."""
    if len(name) <= MAX_NAME_LENGTH:
        return []
    return [
        Finding(
            path=path,
            value=name,
            reason=(
                f"with {len(name)} characters the names KServe derives from it pass 63 and are cut and hashed, so "
                "routes and health checks cannot refer to them"
            ),
            remedy=f"Write a name of at most {MAX_NAME_LENGTH} characters.",
            rule="name",
        )
    ]


IMAGE_SCHEME: Final = "oci://"
"""Weights in a container image, which KServe runs beside the server; what follows is the image."""
MODEL_SCHEMES: Final = ("hf://", "s3://", "pvc://", IMAGE_SCHEME)
"""Where LLMInferenceService loads weights from (llmisvc/workload_storage.go; `ms://` came after 0.20)."""


def check_model_uri(uri: str, path: str = "spec.model.uri") -> list[Finding]:
    """Whether KServe can load weights from there."""
    scheme, separator, rest = uri.partition("://")
    if f"{scheme}://" in MODEL_SCHEMES and separator and rest:
        return []
    bucket = scheme == "gs"
    return [
        Finding(
            path=path,
            value=uri,
            reason="KServe's LLMInferenceService has no loader for it ('unsupported schema in model URI'), and no pod is made",
            remedy="Write pvc://CLAIM/PATH with a volume of the bucket or a Hyperdisk ML disk, or hf://ORGANIZATION/MODEL."
            if bucket
            else f"Write an address that begins with one of {', '.join(MODEL_SCHEMES)}.",
            rule="uri",
        )
    ]


REPLICAS_THAT_UPDATE_IN_PLACE: Final = 4
"""With as many, a rolling update may stop a server before it starts another: KServe 0.20 writes no strategy into its Deployment,
and Kubernetes' own, 25 % unavailable, rounds down to none below it (Deployment API, 2026)."""
