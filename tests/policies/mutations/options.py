"""Faults in what is not on by default: compute classes, capacity, scaling, the servers' own options."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.mutations.mutation import Mutation
from tests.policies.mutations.stacks import OPTIONS, PROD

ENCRYPTED: Final = frozenset({PROD, OPTIONS})


ALL_ON: Final = frozenset({OPTIONS})


PICKER: Final = ("spec", "router", "scheduler", "config", "inline")


def option(name: str, kind: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault in the stack with the options on."""
    more.setdefault("stacks", ALL_ON)
    return Mutation(name=name, kind=kind, path=path, value=value, policy=policy, rule=rule, **more)


def spot_pool(name: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault in the pool of spot machines."""
    return option(name, "NodePool", *path, value=value, policy=policy, rule=rule, resource="spot", **more)


MUTATIONS: Final = (
    option(
        "a class of a pool that does not exist",
        "ComputeClass",
        "spec",
        "priorities",
        0,
        "nodepools",
        value=["v6e-reserved"],
        policy="compute-class",
        rule="no-pool",
    ),
    spot_pool(
        "a pool of another shape in a class",
        "nodeConfig",
        "machineType",
        value="ct6e-standard-1t",
        policy="compute-class",
        rule="shape",
    ),
    spot_pool(
        "spot machines from a reservation",
        "nodeConfig",
        "reservationAffinity",
        "consumeReservationType",
        value="ANY_RESERVATION",
        policy="tpu-capacity",
        rule="reservation",
    ),
    option(
        "an autoscaler without room",
        "HorizontalPodAutoscaler",
        "spec",
        "minReplicas",
        value=9,
        policy="autoscaler-target",
        rule="limits",
    ),
    option(
        "an autoscaler of something else",
        "HorizontalPodAutoscaler",
        "spec",
        "scaleTargetRef",
        "name",
        value="qwen2-5-3b",
        policy="autoscaler-target",
        rule="target",
    ),
    option(
        "replicas beside KServe's own scaling",
        "LLMInferenceService",
        "spec",
        "scaling",
        value={"minReplicas": 1, "maxReplicas": 3},
        policy="service-scaling",
        rule="fixed-replicas",
        stacks=frozenset({"dev", PROD}),
    ),
    option(
        "TLS switched on for servers that do not speak it",
        "ConfigMap",
        "data",
        "ingress",
        value='{"enableLLMInferenceServiceTLS": true}',
        resource="inferenceservice-config",
        policy="backend-tls",
        rule="backend-tls",
        stacks=frozenset({"dev", PROD}),
    ),
    option(
        "TLS switched off under servers that speak it",
        "ConfigMap",
        "data",
        "ingress",
        value='{"enableLLMInferenceServiceTLS": false}',
        resource="inferenceservice-config",
        policy="backend-tls",
        rule="backend-tls",
    ),
    option(
        "an unknown plugin in the endpoint picker",
        "LLMInferenceService",
        *PICKER,
        "plugins",
        2,
        "type",
        value="prefix-scorer",
        policy="endpoint-picker-config",
        rule="strict",
        stacks=ENCRYPTED,
    ),
    option(
        "a misspelt field in the endpoint picker's configuration",
        "LLMInferenceService",
        *PICKER,
        "schedulingProfile",
        value=[],
        policy="endpoint-picker-config",
        rule="strict",
        stacks=frozenset({"dev", PROD}),
        undecidable=False,
    ),
    option(
        "weights that do not fit",
        "LLMInferenceService",
        "spec",
        "model",
        "uri",
        value="hf://meta-llama/Llama-3.1-405B-Instruct",
        policy="model-memory",
        rule="weights",
        stacks=frozenset({"dev", PROD}),
    ),
    option(
        "shared weights on a disk of one node",
        "PersistentVolumeClaim",
        "spec",
        "storageClassName",
        value="premium-rwo",
        policy="volume-sharing",
        rule="class",
        undecidable=False,
    ),
    option(
        "a moment for requests under way",
        "LLMInferenceService",
        "spec",
        "template",
        "terminationGracePeriodSeconds",
        value=30,
        policy="graceful-shutdown",
        rule="grace",
        stacks=frozenset({"dev", PROD}),
        advised=True,
    ),
    option(
        "a server that runs as root",
        "LLMInferenceService",
        "spec",
        "template",
        "containers",
        0,
        "securityContext",
        "allowPrivilegeEscalation",
        value=True,
        policy="pod-security-restricted",
        rule="privilege-escalation",
        stacks=frozenset({"dev", PROD}),
        advised=True,
    ),
    option(
        "a zone nobody has listed",
        "NodePool",
        "nodeLocations",
        value=["asia-south1-c"],
        resource="tpu-",
        policy="tpu-not-listed",
        rule="zone",
        stacks=frozenset({"dev", PROD}),
        advised=True,
        undecidable=False,
    ),
)
