"""Incidents of node pools, the cluster and its network, in somebody else's program."""

from __future__ import annotations

from typing import Any

import pytest

from tests.incidents.harness import UNKNOWN, Somebody

MACHINE = "tpus/nodeConfig/machineType"
PLACEMENT = "tpus/placementPolicy"
NODE_SELECTOR = "model/spec/template/nodeSelector"
SERVER = "model/spec/template/containers/0"


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        (
            {"tpus/nodeLocations": ["us-central1-a"]},
            (
                "nodeLocations[0] is 'us-central1-a'",
                "no v6e node pools are offered there",
                "Unsupported TPU configuration",
            ),
        ),
        (
            {MACHINE: "ct6e-standard-16t"},
            ("nodeConfig.machineType is 'ct6e-standard-16t'", "no TPU machine type that GKE offers"),
        ),
        (
            {PLACEMENT: {"type": "COMPACT", "tpuTopology": "2x2"}},
            ("placementPolicy.tpuTopology is '2x2'", "on a single host", "Leave placementPolicy out"),
        ),
    ],
    ids=["zone", "machine-type", "compact-on-a-single-host"],
)
def test_a_tpu_pool_that_gke_does_not_build(
    somebody: Somebody, changes: dict[str, Any], texts: tuple[str, ...]
) -> None:
    """Invariant: a pool's zone, machine type and placement fit together (issue 2: stockouts and refusals)."""
    result = somebody.preview(changes)
    result.is_blocked_by("tpu-node-pool")
    result.says("NodePool 'tpus': ", *texts)


def test_a_topology_that_the_machine_type_does_not_make(somebody: Somebody) -> None:
    """Invariant: machine type and topology come from one row of the table, for pools and for pods (issue 2)."""
    result = somebody.preview(
        {
            MACHINE: "ct6e-standard-8t",
            PLACEMENT: {"type": "COMPACT", "tpuTopology": "4x8"},
            f"{NODE_SELECTOR}/cloud.google.com~gke-tpu-topology": "3x3",
        }
    )
    result.is_blocked_by("tpu-node-pool", "tpu-workload")
    result.says("placementPolicy.tpuTopology is '4x8'", "ct6e-standard-8t (8 chips per VM) makes no such slice")
    result.says("LLMInferenceService models/qwen: ", "is '3x3'", "the pods stay Pending for ever")


def test_a_cluster_that_serves_no_gateway(somebody: Somebody) -> None:
    """Invariant: a cluster has the Gateway API and the load balancing add-on on (issue 3: Gateway stays Unknown)."""
    result = somebody.preview(
        {"cluster/gatewayApiConfig": None, "cluster/addonsConfig/httpLoadBalancing/disabled": True}
    )
    result.is_blocked_by("cluster-gateway-api")
    result.says("Cluster 'cluster': gatewayApiConfig.channel is missing", "Write CHANNEL_STANDARD.")
    result.says("Cluster 'cluster': addonsConfig.httpLoadBalancing.disabled is true", "nothing programs")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"proxies": None}, "the stack declares no REGIONAL_MANAGED_PROXY subnet in us-east5"),
        ({"proxies/region": "europe-west4"}, "there is one in europe-west4 only"),
    ],
    ids=["missing", "elsewhere"],
)
def test_a_regional_gateway_without_proxies(somebody: Somebody, changes: dict[str, Any], text: str) -> None:
    """Invariant: the regional class that issue 1 asks for has its proxy-only subnet, or it never gets an address."""
    result = somebody.preview(changes)
    result.is_blocked_by("proxy-only-subnet")
    result.says("Gateway models/entry: ", text)


def test_a_flag_that_vllm_does_not_know(somebody: Somebody) -> None:
    """Invariant: no pod starts vLLM with a flag that ends it (issue 12: pods crash-loop)."""
    result = somebody.preview({f"{SERVER}/args/2": "--prefix-cache-block-size=16"})
    result.is_blocked_by("tpu-workload")
    result.says("args[2] is '--prefix-cache-block-size=16'", "unrecognized arguments", "Write --block-size.")


@pytest.mark.parametrize(
    ("changes", "policies", "where"),
    [
        (
            {PLACEMENT: {"type": "COMPACT", "tpuTopology": UNKNOWN}, "tpus/nodeLocations": [UNKNOWN]},
            ("tpu-node-pool",),
            ("NodePool 'tpus': placementPolicy.tpuTopology", "NodePool 'tpus': nodeLocations"),
        ),
        (
            {MACHINE: UNKNOWN, "cluster/gatewayApiConfig/channel": UNKNOWN},
            ("tpu-node-pool", "cluster-gateway-api"),
            ("NodePool 'tpus': nodeConfig.machineType", "Cluster 'cluster': gatewayApiConfig.channel"),
        ),
        (
            {f"{SERVER}/args/2": UNKNOWN, f"{NODE_SELECTOR}/cloud.google.com~gke-tpu-topology": UNKNOWN},
            ("tpu-workload",),
            (
                "LLMInferenceService models/qwen: spec.template.nodeSelector['cloud.google.com/gke-tpu-topology']",
                "LLMInferenceService models/qwen: spec.template.containers[0].args[2]",
            ),
        ),
    ],
    ids=["slice", "machine-type-and-channel", "server"],
)
def test_what_cannot_be_decided_is_not_green(
    somebody: Somebody, changes: dict[str, Any], policies: tuple[str, ...], where: tuple[str, ...]
) -> None:
    """Invariant: a pool, cluster or server whose decisive value is only known later blocks (issues 2, 3 and 12)."""
    result = somebody.preview(changes)
    result.is_blocked_by(*policies)
    for field in where:
        result.says(f"[undecided] {field}")


def test_near_misses_of_a_pool_pass(somebody: Somebody) -> None:
    """Invariant: a multi-host slice with COMPACT placement, a cluster's default add-ons and a flag vLLM has (issues 2, 12)."""
    somebody.preview(
        {
            NODE_SELECTOR: None,
            f"{SERVER}/resources": None,
            f"{SERVER}/args/2": "--block-size=16",
            PLACEMENT: {"type": "COMPACT", "tpuTopology": "4x4"},
            "tpus/nodeCount": 4,
            "cluster/addonsConfig": None,
        }
    ).passes()


def test_a_zone_that_is_merely_not_listed_warns(somebody: Somebody) -> None:
    """Invariant: the zone list drifts, so a zone it is not sure about is advice and no refusal (issue 2 names such zones)."""
    result = somebody.preview({"tpus/nodeLocations": ["us-south1-a"]})
    result.passes()
    result.says("[zone] NodePool 'tpus': nodeLocations[0] is 'us-south1-a'")
