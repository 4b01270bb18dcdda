"""What KServe's template preset supplies to a server pod, so that what a service leaves out is judged as what it will get.

Owns the parts of `kserve-config-llm-template` that rules look at. Does not own the merge (a caller's) nor the other presets.
Source: kserve/kserve v0.20.0, config/llmisvcconfig/config-llm-template.yaml (2026-08-06). The probes' scheme is written
there as a template of `enableLLMInferenceServiceTLS`; here it is the default, plain HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rules.kserve import POOL_PORT, SERVER_CONTAINER
from rules.vllm import HEALTH_PATH

PRESET_IMAGE: Final = "ghcr.io/llm-d/llm-d-cuda"
"""Repository of the preset's image; it holds CUDA builds only."""
PRESET_PRE_STOP_SECONDS: Final = 15
PRESET_GRACE_SECONDS: Final = 60


def _probe(period: int, timeout: int, failures: int, scheme: str) -> dict[str, Any]:
    return {
        "httpGet": {"path": HEALTH_PATH, "port": POOL_PORT, "scheme": scheme},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def preset_pod(*, tls: bool = False) -> Mapping[str, Any]:
    """The preset's pod spec, without volumes and without the start script; `tls` is the cluster-wide switch."""
    scheme = "HTTPS" if tls else "HTTP"
    return {
        "terminationGracePeriodSeconds": PRESET_GRACE_SECONDS,
        "containers": [
            {
                "name": SERVER_CONTAINER,
                "image": f"{PRESET_IMAGE}:v0.8.0",
                "ports": [{"containerPort": POOL_PORT, "protocol": "TCP"}],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": False,
                    "runAsNonRoot": True,
                    "capabilities": {"drop": ["ALL"]},
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "lifecycle": {"preStop": {"exec": {"command": ["/bin/sleep", str(PRESET_PRE_STOP_SECONDS)]}}},
                "livenessProbe": _probe(10, 1, 10, scheme),
                "readinessProbe": _probe(1, 1, 2, scheme),
                "startupProbe": _probe(10, 1, 60, scheme),
            }
        ],
    }
