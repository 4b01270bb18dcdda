"""TPU node pools and the pods meant for them."""

from __future__ import annotations

from typing import Any

import pytest

from policies.node_pools import TPU_NODE_POOL, TPU_ZONE_UNLISTED
from policies.pods import WORKLOADS
from policies.workloads import TPU_WORKLOAD
from tests.policies.harness import UNKNOWN, Made, kubernetes, run
from tests.policies.objects import cluster, llm, llm_config, node_pool, selector

MULTI = {"nodeCount": 4, "placementPolicy": {"type": "COMPACT", "tpuTopology": "4x4"}}


@pytest.mark.parametrize(
    ("changes", "rule", "text"),
    [
        (
            {"nodeConfig__machineType": "ct6e-standard-2t"},
            "machine-type",
            "nodeConfig.machineType is 'ct6e-standard-2t'",
        ),
        ({**MULTI, "nodeConfig__machineType": "ct6e-standard-8t"}, "topology", "which makes 4x4"),
        ({**MULTI, "placementPolicy__type": None}, "placement", "placementPolicy.type is missing"),
        ({**MULTI, "nodeCount": 3}, "size", "is 4 nodes, and one pool is one slice"),
        ({**MULTI, "nodeLocations": ["us-east5-a", "us-east5-b"]}, "zone", "exactly one zone"),
        ({"placementPolicy": {"type": "COMPACT", "tpuTopology": "2x2"}}, "placement", "on a single host"),
        ({"nodeLocations": ["us-central1-a"]}, "zone", "nodeLocations[0] is 'us-central1-a': no v6e node pools"),
        ({"nodeLocations": None}, "zone", "location 'us-east5' is a region"),
        ({"nodeLocations": None, "location": "us-west2-a"}, "zone", "location is 'us-west2-a'"),
        ({"nodeConfig__diskType": "pd-balanced"}, "boot-disk", "Write hyperdisk-balanced."),
        ({"nodeConfig__diskType": None, "nodeConfig__bootDisk": {"diskType": "pd-ssd"}}, "boot-disk", "pd-ssd"),
    ],
)
def test_a_pool_gke_would_refuse(changes: dict[str, Any], rule: str, text: str) -> None:
    """Incident: pools in ERROR after minutes, in zones that have TPU VMs but no v6e node pools."""
    result = run(TPU_NODE_POOL, node_pool(**changes))
    assert result.rules == [rule]
    assert text in result.only


@pytest.mark.parametrize(
    "made",
    [
        node_pool(),
        node_pool(**MULTI),
        node_pool(nodeConfig__machineType="e2-standard-4", nodeLocations=None),
        node_pool(nodeConfig=None),
        node_pool(nodeCount=UNKNOWN, name=UNKNOWN, cluster=UNKNOWN, nodeConfig__tags=UNKNOWN),
        node_pool(nodeConfig__machineType="e2-standard-4", nodeLocations=UNKNOWN),
        node_pool(nodeConfig__machineType="e2-standard-4", placementPolicy=UNKNOWN),
        node_pool(nodeLocations=["us-south1-a"]),
        cluster(),
        Made("gcp:dataproc/cluster:Cluster", "a", {"nodePools": [{"nodeConfig": {"machineType": "ct6e-standard-2t"}}]}),
    ],
)
def test_right_pools_and_near_misses_pass(made: Made) -> None:
    """CPU pools, unknowns that decide nothing, zones nobody is sure about, other products' clusters."""
    assert not run(TPU_NODE_POOL, made).violations


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"nodeConfig__machineType": UNKNOWN}, "nodeConfig.machineType"),
        ({"nodeConfig": UNKNOWN}, "nodeConfig.machineType"),
        ({"nodeLocations": UNKNOWN}, "nodeLocations"),
        ({"nodeLocations": [UNKNOWN]}, "nodeLocations[0]"),
        ({"nodeLocations": None, "location": UNKNOWN}, "location"),
        ({"placementPolicy": {"type": "COMPACT", "tpuTopology": UNKNOWN}}, "placementPolicy.tpuTopology"),
        ({**MULTI, "placementPolicy__type": UNKNOWN}, "placementPolicy.type"),
        ({"nodeConfig__machineType": 4}, "nodeConfig.machineType"),
    ],
)
def test_unknown_is_not_green(changes: dict[str, Any], path: str) -> None:
    """Machine type, topology and zone decide whether the pool can exist."""
    result = run(TPU_NODE_POOL, node_pool(**changes))
    assert result.rules == ["undecided"]
    assert f"{path} is '(unknown)': cannot decide at preview" in result.only


def test_pools_inside_a_cluster_are_read() -> None:
    """With the cluster's location, and a path that leads there."""
    inline = {"name": "v6e", "nodeConfig": {"machineType": "ct6e-standard-4t"}, "nodeLocations": ["us-central1-a"]}
    assert "nodePools[0].nodeLocations[0] is 'us-central1-a'" in run(TPU_NODE_POOL, cluster(nodePools=[inline])).only


def test_a_zone_off_the_list_warns_only() -> None:
    """And can be added to the list by configuration."""
    made = node_pool(nodeLocations=["us-south1-a"])
    assert run(TPU_ZONE_UNLISTED, made).rules == ["zone"]
    assert not run(TPU_ZONE_UNLISTED, made, config={"extraZones": ["us-south1-a"]}).violations
    assert not run(
        TPU_NODE_POOL, node_pool(nodeLocations=["us-central1-a"]), config={"extraZones": ["us-central1-a"]}
    ).violations


def test_zones_that_the_component_carries() -> None:
    """A program that names its extra zones on the component around the pool needs no second list; an unknown one is none."""
    wrong = node_pool(nodeLocations=["us-central1-a"])
    for zones, rules in ((["us-central1-a"], []), (["us-west1-a"], ["zone"]), (UNKNOWN, ["zone"]), ("x", ["zone"])):
        around = Made("platform:index:TpuNodePool", f"around-{zones}", {"extra_zones": zones})
        inside = Made(wrong.token, wrong.name, wrong.props, parent=around.urn)
        assert run(TPU_NODE_POOL, around, inside).rules == rules
    assert run(TPU_NODE_POOL, Made(wrong.token, wrong.name, wrong.props, parent="urn:nobody")).rules == ["zone"]


@pytest.mark.parametrize(
    ("machine", "zone", "blocks", "advises"),
    [
        ("e2-standard-4", "us-south1-ai1b", ["machine-zone"], []),
        ("n4-standard-4", "us-east5-b", [], ["machine-zone"]),
        ("e2-standard-4", "us-east5-b", [], []),
        ("n2-standard-4", UNKNOWN, [], []),
    ],
)
def test_nodes_without_tpu(machine: str, zone: str, blocks: list[str], advises: list[str]) -> None:
    """AI zones have no machines for controllers; a family that no list promises in its zone is worth a word."""
    made = node_pool(nodeConfig__machineType=machine, nodeConfig__diskType=None, nodeLocations=[zone])
    assert run(TPU_NODE_POOL, made).rules == blocks
    assert run(TPU_ZONE_UNLISTED, made).rules == advises


def pod(chips: object = "4", topology: object = "2x2", **container: Any) -> dict[str, Any]:
    """A pod spec that asks for TPUs."""
    resources = {"limits": {"google.com/tpu": chips}}
    return {"nodeSelector": selector(topology), "containers": [{"name": "main", "resources": resources, **container}]}


def deployment(template: dict[str, Any]) -> Made:
    """A Deployment of that pod."""
    return kubernetes("apps/v1", "Deployment", "server", spec={"template": {"spec": template}})


def asking(**amounts: object) -> dict[str, Any]:
    """The same pod with further requests."""
    chips = {"google.com/tpu": "4"}
    return pod(resources={"requests": {**chips, **amounts}, "limits": chips})


@pytest.mark.parametrize(
    ("amounts", "path", "text"),
    [
        ({"cpu": "180"}, "requests.cpu is '180'", "leaves 179 for pods"),
        ({"cpu": "2", "memory": "720Gi"}, "requests.memory is '720 GiB'", "Write less than 698Gi."),
    ],
)
def test_pods_that_ask_for_more_than_a_node_leaves_are_found(amounts: dict[str, Any], path: str, text: str) -> None:
    """What is on the machine's data sheet is not what pods get; GKE keeps some for itself."""
    result = run(TPU_WORKLOAD, llm(template=asking(**amounts)))
    assert result.rules == ["node-size"], result.messages
    assert path in result.messages[0]
    assert text in result.messages[0]


@pytest.mark.parametrize("amounts", [{"cpu": "179", "memory": "690Gi"}, {"cpu": 100}, {"cpu": "nonsense"}, {}])
def test_pods_that_ask_for_less_are_not(amounts: dict[str, Any]) -> None:
    """A quantity that is none is the API server's to refuse."""
    assert run(TPU_WORKLOAD, llm(template=asking(**amounts))).messages == []


def test_requests_that_nobody_knows_are_not_taken_for_small_ones() -> None:
    """Unknown is not green."""
    assert run(TPU_WORKLOAD, llm(template=asking(memory=UNKNOWN))).rules == ["undecided"]


def test_what_two_machine_types_offer_is_judged_by_the_larger() -> None:
    """2x4 with eight chips is one type; nothing smaller than what the pod may land on is held against it."""
    container = {
        "name": "main",
        "resources": {"requests": {"google.com/tpu": 8, "memory": "1200Gi"}, "limits": {"google.com/tpu": 8}},
    }
    template = {"nodeSelector": selector("2x4"), "containers": [container]}
    assert run(TPU_WORKLOAD, llm(template=template)).messages == []


@pytest.mark.parametrize(
    ("made", "rule", "text"),
    [
        (llm(template=pod("8")), "chips", "Write 4 (on ct6e-standard-4t)."),
        (llm(template=pod(8, "2x4")), "no-pool", "there are: ct6e-standard-4t 2x2"),
        (llm(template=pod(4, "4x4")), "multi-host", "waits for the others for ever"),
        (llm(template=pod(4, "9x9")), "topology", "no tpu-v6e-slice node has this topology"),
        (llm(template=pod(args=["--prefix-cache-block-size=64"])), "flag", "spec.template.containers[0].args[0]"),
        (
            llm(template=pod(env=[{"name": "VLLM_ADDITIONAL_ARGS", "value": "--prefix-cache-block-size 64"}])),
            "flag",
            "Write --block-size.",
        ),
        (
            llm(template=pod(resources={"limits": {"google.com/tpu": 4}, "requests": {"google.com/tpu": 2}})),
            "chips",
            "limit is 4",
        ),
    ],
)
def test_pods_that_would_stay_pending(made: Made, rule: str, text: str) -> None:
    """Pending for ever says nothing about why; the preview does."""
    result = run(TPU_WORKLOAD, made, node_pool())
    assert result.rules == [rule]
    assert text in result.only


def test_missing_selectors_are_named() -> None:
    """Both labels, or the pod lands where it should not."""
    made = deployment({"containers": pod()["containers"]})
    assert run(TPU_WORKLOAD, made).rules == ["selector", "selector"]


@pytest.mark.parametrize(("kind", "places"), WORKLOADS.items())
def test_pods_of_every_workload_are_looked_at(kind: str, places: tuple[tuple[str, ...], ...]) -> None:
    """A pod template that asks for TPUs is one wherever it stands, in a CronJob or DaemonSet as well."""
    body: dict[str, Any] = {}
    for steps in places:
        below = body
        for step in steps:
            below = below.setdefault(step, {})
        below["spec"] = {"containers": pod()["containers"]}
    made = kubernetes("v1", kind, "a", **body)
    assert run(TPU_WORKLOAD, made).rules == ["selector", "selector"] * len(places)


@pytest.mark.parametrize(
    "stack",
    [
        [llm(), node_pool()],
        [llm()],
        [llm(), node_pool(nodeConfig__machineType=UNKNOWN)],
        [llm(template=pod(4, "4x4"), worker=pod(4, "4x4")), node_pool(**MULTI)],
        [llm(template={}), node_pool()],
        [llm({}, template={}, baseRefs=[{"name": "tpu"}]), llm_config("tpu", template=pod()), node_pool()],
        [deployment({"containers": [{"name": "web", "args": ["--port", UNKNOWN]}], "nodeSelector": UNKNOWN})],
        [deployment(pod(image=UNKNOWN)), node_pool()],
    ],
)
def test_fitting_pods_pass(stack: list[Made]) -> None:
    """Also without declared pools, with unknown ones, as a group over several hosts, and from a base config."""
    assert not run(TPU_WORKLOAD, *stack).violations


@pytest.mark.parametrize(
    ("template", "path"),
    [
        (pod(UNKNOWN), "resources.limits['google.com/tpu']"),
        (pod("4", UNKNOWN), "nodeSelector['cloud.google.com/gke-tpu-topology']"),
    ],
)
def test_unknown_requests_are_undecided(template: dict[str, Any], path: str) -> None:
    """Chips and topology decide where a pod can land."""
    result = run(TPU_WORKLOAD, llm(template=template), node_pool())
    assert result.rules == ["undecided"]
    assert path in result.only
