"""KServe's own configuration: the ConfigMap its controller and webhooks read, the TLS switch in it, and where certificates lie.

Owns the ConfigMap's content as far as LLMInferenceServices need it, and the route preset without what GKE refuses. Does not own
charts (`kserve.py`) nor which releases work (`kserve_install.py`).
Source: kserve/kserve v0.20.0 of 2026-08-06: charts/kserve-llmisvc-resources (templates/common, configmap-patch.yaml),
pkg/apis/serving/v1beta1/configmap.go, pkg/controller/v1alpha2/llmisvc/config_loader.go, config/llmisvcconfig.

The chart writes this ConfigMap with a fixed 1Gi for the storage initializer and without the TLS switch, and has no value for
either. A patch of the chart's object does not last: each Helm upgrade writes the chart's text back, and with the switch gone
every server falls back to plain HTTP under HTTPS health checks. So the chart is told to leave it out (`createSharedResources:
false` with its other shared parts named one by one), and whoever installs KServe owns the whole object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rules.finding import Finding
from rules.gateway import INFERENCE_POOL, INFERENCE_POOL_GROUP
from rules.kserve import STORAGE_INITIALIZER_MEMORY, TLS_FILES, TLS_SWITCH
from rules.vllm import CHAT_COMPLETIONS_PATH, COMPLETIONS_PATH, PORT

SHARED_CHART_VALUES: Final[Mapping[str, Any]] = {
    "createSharedResources": False,
    "certManager": {"enabled": True},
    "storagecontainer": {"enabled": True},
}
"""Values under `kserve` with which the chart brings everything but the ConfigMap."""

TLS_ARGUMENTS: Final = ("--enable-ssl-refresh", *(f"--{flag}={path}" for flag, path in TLS_FILES.items()))
"""vLLM arguments of the preset's start script with the switch on; a command of one's own has to repeat them."""

OTHER_POOL_PATHS: Final = ("/v1/responses", "/v1/messages")
"""Further paths that KServe's managed route sends to the InferencePool."""


def inference_service_config(*, gateway: str, https: bool, backend_tls: bool, storage_image: str) -> dict[str, str]:
    """`data` of the ConfigMap; `gateway` is NAMESPACE/NAME, `https` whether it encrypts, which services' URLs then say.

    `ingressGateway` and its like are for other deployment modes, but the controller refuses to start without a value.
    """
    content: dict[str, dict[str, Any]] = {
        "ingress": {
            "enableGatewayApi": True,
            "kserveIngressGateway": gateway,
            "ingressGateway": "knative-serving/knative-ingress-gateway",
            "localGateway": "knative-serving/knative-local-gateway",
            "localGatewayService": "knative-local-gateway.istio-system.svc.cluster.local",
            "ingressDomain": "example.com",
            "urlScheme": "https" if https else "http",
            TLS_SWITCH: backend_tls,
        },
        "storageInitializer": {
            "image": storage_image,
            "memoryRequest": "100Mi",
            "memoryLimit": STORAGE_INITIALIZER_MEMORY,
            "cpuRequest": "100m",
            "cpuLimit": "1",
            "enableModelcar": True,
            "cpuModelcar": "10m",
            "memoryModelcar": "15Mi",
            "uidModelcar": 1010,
            "caBundleConfigMapName": "",
            "caBundleVolumeMountPath": "/etc/ssl/custom-certs",
        },
        "credentials": {
            "storageSpecSecretName": "storage-config",
            "storageSecretNameAnnotation": "serving.kserve.io/secretName",
            "gcs": {"gcsCredentialFileName": "gcloud-application-credentials.json"},
            "s3": {"s3AccessKeyIDName": "AWS_ACCESS_KEY_ID", "s3SecretAccessKeyName": "AWS_SECRET_ACCESS_KEY"},
        },
        "deploy": {"defaultDeploymentMode": "Standard"},
        "localModel": {"enabled": False},
    }
    return {key: json.dumps(value, indent=2, sort_keys=True) for key, value in content.items()}


def route_preset(*, gateway: str, section: str, hostnames: Sequence[str] = ()) -> dict[str, Any]:
    """`spec` of a route preset that GKE takes: KServe's path rules without timeouts, rule names and header matches.

    Strings in braces are KServe's templates. `section` is the listener; `gateway` lies in the preset's own namespace.
    """
    prefix = "/{{ .ObjectMeta.Namespace }}/{{ .ObjectMeta.Name }}"
    pool = {
        "group": INFERENCE_POOL_GROUP,
        "kind": INFERENCE_POOL,
        "name": "{{ ChildName .ObjectMeta.Name `-inference-pool` }}",
        "port": PORT,
    }
    service = {"kind": "Service", "name": "{{ ChildName .ObjectMeta.Name `-kserve-workload-svc` }}", "port": PORT}
    paths: Sequence[str] = (COMPLETIONS_PATH, CHAT_COMPLETIONS_PATH, *OTHER_POOL_PATHS)
    rules = [_rule(f"{prefix}{path}", path, pool) for path in paths] + [_rule(prefix, "/", service)]
    parent = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": gateway,
        "namespace": "{{ .ObjectMeta.Namespace }}",
        "sectionName": section,
    }
    spec: dict[str, Any] = {"parentRefs": [parent], "rules": rules}
    if hostnames:
        spec["hostnames"] = list(hostnames)
    return {"router": {"route": {"http": {"spec": spec}}}}


def _rule(prefix: str, rewritten: str, backend: Mapping[str, Any]) -> dict[str, Any]:
    rewrite = {"type": "ReplacePrefixMatch", "replacePrefixMatch": rewritten}
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"path": rewrite}}],
        "backendRefs": [dict(backend)],
    }


def check_served_tls(arguments: Sequence[str], *, switched_on: bool, path: str) -> list[Finding]:
    """Whether a server with a command of its own speaks what the TLS switch promises for it; `arguments` are all it gets."""
    serves = any(argument.split("=", 1)[0].replace("_", "-") == "--ssl-certfile" for argument in arguments)
    if serves == switched_on:
        return []
    if switched_on:
        reason = (
            f"{TLS_SWITCH} is on, so KServe marks the server's port https and the endpoint picker reads its metrics by https, "
            "but this command starts a server of plain HTTP: 'wrong version number' on every request"
        )
        remedy = f"Write {' '.join(TLS_ARGUMENTS)}, or leave the command to KServe's preset."
    else:
        reason = (
            f"{TLS_SWITCH} is off, so KServe marks the server's port http and the endpoint picker reads its metrics by http, "
            "but this server speaks TLS alone"
        )
        remedy = f"Write {TLS_SWITCH}: true into KServe's ConfigMap, or leave the ssl arguments out."
    return [Finding(path=path, value=" ".join(arguments) or None, reason=reason, remedy=remedy, rule="backend-tls")]
