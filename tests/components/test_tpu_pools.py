"""TPU node pools and compute classes in the graph: every capacity, size and placement as GKE takes it."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi_policy import ResourceValidationPolicy

from policies.node_pools import TPU_NODE_POOL, TPU_ZONE_UNLISTED
from policies.pack import POLICIES
from tests.committed import committed
from tests.components.recording import Graph, build
from tests.policies.harness import Made, run

NODE_POOL = "gcp:container/nodePool:NodePool"
CLASS = "cloud.google.com/compute-class"
NONE = {"consumeReservationType": "NO_RESERVATION"}


def with_pools(*pools: dict[str, Any], **settings: Any) -> Graph:
    """Dev with further pools, named a, b, ….

    The first pool of dev stays: its model needs it.
    """
    base = committed("dev")
    plain = {"machineType": "ct6e-standard-4t", "topology": "2x2"}
    base["tpuPools"] += [{"name": name, **plain, **pool} for name, pool in zip("abcdef", pools, strict=False)]
    return build({**base, **settings})


def inputs(graph: Graph, name: str = "a") -> dict[str, Any]:
    """What the program asks of a pool."""
    return dict(graph.one(NODE_POOL, f"tpu-{name}").inputs)


@pytest.mark.parametrize(
    ("pool", "config", "rest"),
    [
        ({}, {"spot": False}, {"nodeCount": 1}),
        ({"capacity": {"type": "spot"}}, {"spot": True, "reservationAffinity": NONE}, {"nodeCount": 1}),
        (
            {"capacity": {"type": "reservation", "reservation": "v6e"}, "slices": 2},
            {
                "spot": False,
                "reservationAffinity": {
                    "consumeReservationType": "SPECIFIC_RESERVATION",
                    "key": "compute.googleapis.com/reservation-name",
                    "values": ["v6e"],
                },
            },
            {"nodeCount": 2},
        ),
        (
            {"capacity": {"type": "flex-start", "maxRunHours": 24}, "maxSlices": 2},
            {"spot": False, "flexStart": True, "maxRunDuration": "86400s", "reservationAffinity": NONE},
            {
                "autoscaling": {"minNodeCount": 0, "maxNodeCount": 2, "locationPolicy": "ANY"},
                "initialNodeCount": 0,
                "management": {"autoRepair": False, "autoUpgrade": True},
            },
        ),
        (
            {"capacity": {"type": "flex-start", "queued": True}, "maxSlices": 1, "topology": "4x4"},
            {"flexStart": True},
            {
                "autoscaling": {"minNodeCount": 0, "maxNodeCount": 4, "locationPolicy": "ANY"},
                "queuedProvisioning": {"enabled": True},
                "placementPolicy": {"type": "COMPACT", "tpuTopology": "4x4"},
            },
        ),
        ({"maxSlices": 3}, {}, {"autoscaling": {"minNodeCount": 1, "maxNodeCount": 3}, "initialNodeCount": 1}),
        (
            {"maxSlices": 1, "minSlices": 0, "topology": "2x4"},
            {},
            {"autoscaling": {"minNodeCount": 0, "maxNodeCount": 2}, "initialNodeCount": 0},
        ),
        (
            {"bootDiskGb": 200, "labels": {"team": "serving"}, "maxPodsPerNode": 16, "gvnic": False},
            {"bootDisk": {"diskType": "hyperdisk-balanced", "sizeGb": 200}, "resourceLabels": {"team": "serving"}},
            {"maxPodsPerNode": 16},
        ),
    ],
)
def test_capacity_and_size(pool: dict[str, Any], config: dict[str, Any], rest: dict[str, Any]) -> None:
    """Each way to machines has its own fields, limits are per zone, and the pack finds nothing wrong with any."""
    graph = with_pools(pool)
    found = inputs(graph)
    assert {key: found["nodeConfig"].get(key) for key in config} == config
    assert {key: found.get(key) for key in rest} == rest
    assert ("nodeCount" in found) != ("autoscaling" in found), "a fixed count and an autoscaler fight over the size"
    assert ("gvnic" in found["nodeConfig"]) == pool.get("gvnic", True)
    for policy in POLICIES:
        if isinstance(policy, ResourceValidationPolicy) and "tpu" in (policy.tags or []):
            assert not run(policy, Made(NODE_POOL, "tpu-a", found)).messages, policy.name


def test_the_first_size_of_a_growing_pool_is_not_held() -> None:
    """Changing initialNodeCount replaces a pool; changing minSlices later must not."""
    graph = with_pools({"maxSlices": 2}, {})
    assert graph.one(NODE_POOL, "tpu-a").ignore_changes == ("initialNodeCount",)
    assert graph.one(NODE_POOL, "tpu-b").ignore_changes == ()


def test_upgrades_take_no_machine_that_is_not_there() -> None:
    """A surge node needs TPUs nobody has; multi-host slices and flex-start pools GKE upgrades its own way."""
    graph = with_pools({}, {"topology": "4x4"}, {"capacity": {"type": "flex-start"}, "maxSlices": 1})
    one_by_one = {"strategy": "SURGE", "maxSurge": 0, "maxUnavailable": 1}
    assert [inputs(graph, name).get("upgradeSettings") for name in "abc"] == [one_by_one, None, None]


def test_ironwood_is_placed_by_a_workload_policy() -> None:
    """Incident (ci-infra#547): compact placement on tpu7x is refused, and a type that the API does not report replaces it."""
    base = committed("dev")
    base |= {"region": "us-central1", "zone": "us-central1-c", "extraTpuZones": ["us-central1-c"]}
    base["tpuPools"].append({"name": "v7x", "machineType": "tpu7x-standard-4t", "topology": "2x2x2"})
    graph = build(base)
    policy = graph.one("gcp:compute/resourcePolicy:ResourcePolicy")
    assert policy.inputs["workloadPolicy"] == {"type": "HIGH_THROUGHPUT", "acceleratorTopology": "2x2x2"}
    found = graph.one(NODE_POOL, "tpu-v7x")
    assert found.inputs["placementPolicy"] == {"type": "", "policyName": policy.inputs["name"], "tpuTopology": "2x2x2"}
    assert policy.urn in found.dependencies
    assert not run(TPU_NODE_POOL, Made(NODE_POOL, "tpu-v7x", dict(found.inputs))).messages


def test_the_customers_key_reaches_the_boot_disks() -> None:
    """A key for all boot disks that leaves out the TPU nodes would be a promise not kept."""
    key = "projects/p-security/locations/us-east5/keyRings/r/cryptoKeys/k"
    base = committed("dev")
    base["cluster"]["encryption"] = {"bootDiskKey": key}
    pools = build(base).of_type(NODE_POOL)
    assert [pool.inputs["nodeConfig"]["bootDiskKmsKey"] for pool in pools] == [key] * len(pools)


def fallback() -> Graph:
    """Dev's model on a class of a reserved pool and a spot pool."""
    base = committed("dev")
    plain = {"machineType": "ct6e-standard-4t", "topology": "2x2", "maxSlices": 1, "minSlices": 0}
    base["tpuPools"] = [
        {**plain, "name": "reserved", "capacity": {"type": "reservation", "reservation": "v6e"}},
        {**plain, "name": "spot", "capacity": {"type": "spot"}},
    ]
    base["computeClasses"] = [{"name": "v6e", "pools": ["reserved", "spot"], "returnToFirst": True}]
    base["models"][0]["pool"] = "v6e"
    return build(base)


def test_a_class_tries_its_pools_in_order() -> None:
    """Pools in one rule have no order; each pool carries the class's label and taint, or GKE puts no pods on it."""
    graph = fallback()
    (made,) = graph.manifests_of("ComputeClass")
    assert made.inputs["spec"] == {
        "priorities": [{"nodepools": ["reserved"]}, {"nodepools": ["spot"]}],
        "nodePoolAutoCreation": {"enabled": False},
        "activeMigration": {"optimizeRulePriority": True},
        "whenUnsatisfiable": "DoNotScaleUp",
    }
    assert made.object_key == ("ComputeClass", "", "v6e")
    for name in ("reserved", "spot"):
        pool = graph.one(NODE_POOL, f"tpu-{name}")
        assert pool.inputs["nodeConfig"]["labels"] == {CLASS: "v6e"}
        assert pool.inputs["nodeConfig"]["taints"] == [{"key": CLASS, "value": "v6e", "effect": "NO_SCHEDULE"}]
        assert graph.waits_for(made, pool)


def test_a_model_on_a_class_selects_the_class_and_no_pool() -> None:
    """A selector of one pool would undo the fallback."""
    graph = fallback()
    (service,) = graph.manifests_of("LLMInferenceService")
    pod = service.inputs["spec"]["template"]
    assert pod["nodeSelector"] == {
        CLASS: "v6e",
        "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
        "cloud.google.com/gke-tpu-topology": "2x2",
    }
    tolerated = {(each["key"], each["value"]) for each in pod["tolerations"]}
    assert tolerated == {("google.com/tpu", "present"), (CLASS, "v6e")}
    assert graph.waits_for(service, graph.manifests_of("ComputeClass")[0])


def test_extra_zones_are_named_once() -> None:
    """The zone list of the settings rides on the pool's component, where the pack reads it: no second list in its config."""
    base = committed("dev")
    base |= {"region": "us-west1", "zone": "us-west1-a", "extraTpuZones": ["us-west1-a"]}
    graph = build(base)
    pool = graph.one(NODE_POOL, "tpu-v6e-2x2")
    component = graph.by_urn(pool.parent)
    around = Made(component.type, component.name, dict(component.inputs))
    inside = Made(pool.type, pool.name, dict(pool.inputs), parent=around.urn)
    assert run(TPU_NODE_POOL, Made(pool.type, pool.name, dict(pool.inputs))).rules == ["zone"]
    for policy in (TPU_NODE_POOL, TPU_ZONE_UNLISTED):
        assert not run(policy, around, inside).violations


def test_a_zone_that_is_not_listed_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    """The list drifts, so such a zone is no error; but whoever waits for the pool should know."""
    base = committed("dev")
    base |= {"region": "asia-east1", "zone": "asia-east1-c"}
    base["systemPool"]["machineType"] = "n4-standard-4"
    build(base)
    said = caplog.text
    caplog.clear()
    assert "asia-east1-c" in said
    assert "which is not complete for it" in said
    assert "does not say whether asia-east1-c has n4 machines" in said
    build(committed("dev"))
    assert "list" not in caplog.text
