"""Faults in controllers and model servers."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.mutations.mutation import GONE, Mutation

CONTAINER: Final = ("spec", "template", "containers", 0)
VLLM: Final = "vllm-server"


def model(name: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault in a model."""
    return Mutation(
        name=name, kind="LLMInferenceService", path=("spec", *path), value=value, policy=policy, rule=rule, **more
    )


def server(name: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault in a model's server container."""
    return model(name, *CONTAINER[1:], *path, value=value, policy=policy, rule=rule, **more)


def release(name: str, which: str, *path: str, value: Any, rule: str, **more: Any) -> Mutation:
    """A fault in a Helm release."""
    return Mutation(
        name=name,
        kind="Release",
        resource=which,
        path=path,
        value=value,
        policy="kserve-install",
        rule=rule,
        **more,
    )


MUTATIONS: Final = (
    release("no presets", "kserve-runtime-configs", "values", value=GONE, rule="presets"),
    Mutation(
        name="no cert-manager",
        kind="Release",
        resource="cert-manager",
        policy="kserve-install",
        rule="companion",
    ),
    release(
        "the pool CRD that GKE owns",
        "kserve-llmisvc-resources",
        "values",
        "kserve",
        "llmisvc",
        "createGIECRDs",
        value=True,
        rule="crd-owner",
    ),
    release("an unsupported KServe", "kserve-llmisvc-resources", "version", value="v0.16.0", rule="version"),
    model(
        "KServe's own route", "router", "route", "http", value={}, policy="kserve-managed-route", rule="managed-route"
    ),
    server("a moving image", "image", value="vllm/vllm-tpu:latest", policy="image-pinned", rule="pinned"),
    server("an image without a tag", "image", value="vllm/vllm-tpu", policy="image-pinned", rule="pinned"),
    server(
        "a flag that vLLM on TPU does not have",
        "args",
        1,
        value="--prefix-cache-block-size=16",
        policy="tpu-workload",
        rule="flag",
    ),
    server(
        "more tensor parallelism than chips",
        "args",
        2,
        value="--tensor-parallel-size=8",
        policy=VLLM,
        rule="tensor-parallel",
    ),
    server(
        "fewer chips than the node has",
        "resources",
        "limits",
        "google.com/tpu",
        value="2",
        policy="tpu-workload",
        rule="chips",
    ),
    model(
        "the topology of another slice",
        "template",
        "nodeSelector",
        "cloud.google.com/gke-tpu-topology",
        value="4x4",
        policy="tpu-workload",
        rule="multi-host",
    ),
    model(
        "the accelerator's sales name",
        "template",
        "nodeSelector",
        "cloud.google.com/gke-tpu-accelerator",
        value="tpu-v6e",
        policy="tpu-accelerator-label",
        rule="accelerator",
    ),
    server(
        "a probe of a path the server does not serve",
        "readinessProbe",
        "httpGet",
        "path",
        value="/readyz",
        policy="probe-paths",
        rule="path",
    ),
    server(
        "ten minutes to start",
        "startupProbe",
        "failureThreshold",
        value=60,
        policy="tpu-startup-budget",
        rule="startup",
    ),
    server("no startup probe", "startupProbe", value=GONE, policy="tpu-startup-budget", rule="startup"),
    server(
        "a privileged server",
        "securityContext",
        "privileged",
        value=True,
        policy="pod-security-baseline",
        rule="privileged",
    ),
    model(
        "the node's network",
        "template",
        "hostNetwork",
        value=True,
        policy="pod-security-baseline",
        rule="host-namespaces",
    ),
    server(
        "a token in the open",
        "env",
        value=[{"name": "HF_TOKEN", "value": "hf_abcdefghijklmnopqrstuvwxyz0123456789"}],
        policy="literal-secrets",
        rule="literal-secret",
        undecidable=False,
    ),
    model(
        "a model of unknown size",
        "model",
        value={"uri": "hf://acme/foo", "name": "foo"},
        policy="model-size-unknown",
        rule="unknown-size",
        advised=True,
    ),
)
