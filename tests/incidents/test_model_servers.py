"""Incidents of model servers and of KServe's installation, in somebody else's program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.engine import POLICIES
from tests.incidents.harness import UNKNOWN, Changes, Somebody

SERVER = "model/spec/template/containers/0"
CHECK = "service-health/spec/default/config"


def release(name: str, chart: str, version: str, **values: Any) -> list[Any]:
    """A Helm release, as the program's `added` takes it."""
    props = {"name": name, "namespace": "kserve", "chart": chart, "version": version, "values": values}
    return ["kubernetes:helm.sh/v3:Release", name, props]


def kserve(version: str, *others: list[Any]) -> list[list[Any]]:
    """KServe as its guides install it, without LeaderWorkerSet."""
    values: dict[str, Any] = {"llmisvc": {"createGIECRDs": False}}
    return [
        release("cert-manager", "oci://quay.io/jetstack/charts/cert-manager", "v1.21.1"),
        release("kserve-crd", "oci://ghcr.io/kserve/charts/kserve-llmisvc-crd", version),
        release("kserve", "oci://ghcr.io/kserve/charts/kserve-llmisvc-resources", version, kserve=values),
        release(
            "kserve-configs",
            "oci://ghcr.io/kserve/charts/kserve-runtime-configs",
            version,
            kserve={"llmisvcConfigs": {"enabled": True}},
        ),
        *others,
    ]


def configuration(ingress: str) -> list[Any]:
    """KServe's ConfigMap, as the program's `added` takes it."""
    metadata = {"name": "inferenceservice-config", "namespace": "kserve"}
    props = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ingress": ingress}}
    return ["kubernetes:core/v1:ConfigMap", "configuration", props]


TLS = configuration('{"enableGatewayApi": true, "enableLLMInferenceServiceTLS": true}')
NO_TLS = configuration('{"enableGatewayApi": true, "enableLLMInferenceServiceTLS": false}')


SEVERAL_HOSTS: Changes = {"model/spec/worker": {"containers": [{"name": "main", "image": "vllm/vllm-tpu:v0.27.0"}]}}
"""A model over several VMs, whose pods KServe leaves to LeaderWorkerSet."""
LWS = release("lws", "oci://registry.k8s.io/lws/charts/lws", "0.8.0")
OVER_HTTPS = {"httpGet": {"path": "/health", "port": 8000, "scheme": "HTTPS"}}


def test_kserve_without_leader_worker_set(somebody: Somebody) -> None:
    """Invariant: a model over several hosts is not deployed beside a KServe that lacks LeaderWorkerSet (issue 7)."""
    result = somebody.preview({**SEVERAL_HOSTS, "added": kserve("v0.20.0")})
    result.is_blocked_by("kserve-install")
    result.says(
        "LLMInferenceService models/qwen: spec.worker is 'alone, without lws 0.8.0'",
        "no matches for kind LeaderWorkerSet",
        "Declare a Release of lws 0.8.0",
    )


def test_kserve_that_says_https_whatever_the_server_speaks(somebody: Somebody) -> None:
    """Invariant: a KServe that hard-codes appProtocol https and takes patches back is not installed (issues 6 and 15)."""
    result = somebody.preview({"added": kserve("v0.17.0", LWS)})
    result.is_blocked_by("kserve-install")
    result.says("Release kserve/kserve: version is 'v0.17.0'", "wrong version number", "Write v0.20.0")


def test_a_switch_that_the_server_does_not_follow(somebody: Somebody) -> None:
    """Invariant: KServe's TLS switch and the server's command say the same (issues 6 and 15: TLS errors on the Service)."""
    result = somebody.preview({"added": [TLS]})
    result.is_blocked_by("backend-tls", "health-check-agreement")
    result.says(
        "LLMInferenceService models/qwen: spec.template.containers[0].args is ",
        "enableLLMInferenceServiceTLS is on, so KServe marks the server's port https",
        "this command starts a server of plain HTTP",
        "Write --enable-ssl-refresh --ssl-certfile=",
    )


def test_probes_over_https_of_a_plain_server(somebody: Somebody) -> None:
    """Invariant: a probe's scheme is the server's (repair 3 of the Helm installation: Running, never Ready)."""
    result = somebody.preview({"added": [NO_TLS], f"{SERVER}/readinessProbe": OVER_HTTPS})
    result.is_blocked_by("backend-tls")
    result.says(
        "spec.template.containers[0].readinessProbe.httpGet.scheme is 'HTTPS'", "servers speak HTTP", "Write HTTP"
    )


def test_a_startup_budget_of_five_minutes(somebody: Somebody) -> None:
    """Invariant: a server on TPU is given the time it compiles for (issue 8: four to six minutes; probes report 3)."""
    result = somebody.preview({f"{SERVER}/startupProbe/failureThreshold": 30})
    result.is_blocked_by("tpu-startup-budget")
    result.says(
        "LLMInferenceService models/qwen: spec.template.containers[0].startupProbe.failureThreshold is '300 s in all'",
        "the kubelet kills it half-way",
        "at least 900 s",
    )


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        (
            {
                f"{CHECK}/type": "HTTPS",
                f"{CHECK}/httpsHealthCheck": {
                    "portSpecification": "USE_FIXED_PORT",
                    "port": 8000,
                    "requestPath": "/health",
                },
                f"{CHECK}/httpHealthCheck": None,
            },
            ("spec.default.config.type is 'HTTPS'", "is probed with HTTP", "Write HTTP and httpHealthCheck"),
        ),
        (
            {f"{CHECK}/httpHealthCheck/requestPath": "/readyz"},
            ("requestPath is '/readyz'", "is known to answer /health, /metrics, /v1/models only", "Write /health."),
        ),
    ],
    ids=["scheme", "path"],
)
def test_a_health_check_of_another_server(somebody: Somebody, changes: Changes, texts: tuple[str, ...]) -> None:
    """Invariant: the load balancer asks as the server's own probes do (issue 5; autoscaling report 1: the wrong path)."""
    result = somebody.preview(changes)
    result.is_blocked_by("health-check-agreement")
    result.says("HealthCheckPolicy models/service-health: ", *texts)


def test_a_server_that_is_killed_before_it_is_told_to_stop(somebody: Somebody) -> None:
    """Invariant: the grace period is longer than the preStop hook (autoscaling and probes reports 5); advice, or blocked
    at the level that the example of HTTP services sets.
    """
    levels = json.loads((POLICIES / "config" / "http-services.json").read_text(encoding="utf-8"))
    changes = {"added": [["kubernetes:apps/v1:Deployment", "inference", IMPATIENT]]}
    somebody.preview(changes).passes()
    result = somebody.preview(changes, {"graceful-shutdown": levels["graceful-shutdown"]})
    result.is_blocked_by("graceful-shutdown")
    result.says(
        "Deployment models/inference: spec.template.spec.terminationGracePeriodSeconds is 30",
        "the preStop hook alone waits 60 s",
        "Write more than 60",
    )


IMPATIENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "inference", "namespace": "models"},
    "spec": {
        "selector": {"matchLabels": {"app": "inference"}},
        "template": {
            "metadata": {"labels": {"app": "inference"}},
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "image": "example.com/inference:1.4.0",
                        "ports": [{"containerPort": 8000}],
                        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "60"]}}},
                    }
                ]
            },
        },
    },
}
"""A server that waits a minute before it ends, and is given half of that."""


def test_what_cannot_be_decided_is_not_green(somebody: Somebody) -> None:
    """Invariant: budgets, checks, images and versions that are only known later block (issues 5, 7 and 8; repair 2)."""
    result = somebody.preview(
        {
            f"{SERVER}/startupProbe/failureThreshold": UNKNOWN,
            f"{SERVER}/image": UNKNOWN,
            f"{CHECK}/httpHealthCheck/port": UNKNOWN,
            "added": kserve(UNKNOWN, LWS),
        }
    )
    result.is_blocked_by("tpu-startup-budget", "image-pinned", "health-check-agreement", "kserve-install")
    for field in (
        "LLMInferenceService models/qwen: spec.template.containers[0].startupProbe.failureThreshold",
        "LLMInferenceService models/qwen: spec.template.containers[0].image",
        "HealthCheckPolicy models/service-health: spec.default.config.httpHealthCheck.port",
        "Release kserve/kserve: version",
    ):
        result.says(f"[undecided] {field} is '(unknown)'")


def test_a_command_that_cannot_be_known_is_not_green(somebody: Somebody) -> None:
    """Invariant: whether a server speaks TLS is decided before it is deployed (issues 6 and 15)."""
    result = somebody.preview({"added": [NO_TLS], f"{SERVER}/args/2": UNKNOWN})
    result.is_blocked_by("backend-tls")
    result.says("[undecided] LLMInferenceService models/qwen: ", "whether the server speaks TLS")


def test_near_misses_of_a_model_server_pass(somebody: Somebody) -> None:
    """Invariant: what only looks like issues 6 to 8 passes: LWS beside KServe, and fifteen minutes to start."""
    somebody.preview(
        {**SEVERAL_HOSTS, "added": kserve("v0.20.0", LWS), f"{SERVER}/startupProbe/failureThreshold": 90}
    ).passes()
    probe = {"httpGet": {"path": "/health", "port": 8000, "scheme": "HTTP"}}
    somebody.preview({"added": [NO_TLS], f"{SERVER}/readinessProbe": probe}).passes()
