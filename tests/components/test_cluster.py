"""The cluster, the way into it, its network and its nodes."""

from __future__ import annotations

import ipaddress
import json

import pytest

from components.cluster import node_account_id
from components.settings.cluster import SYSTEM_POOL
from rules import node_pool
from tests.components.recording import CERTIFICATE, ENDPOINT, Graph


def test_kubeconfig_holds_no_credential(dev: Graph) -> None:
    """A kubeconfig with a token or key in the stack's outputs is a way into the cluster for whoever reads the state."""
    config = json.loads(dev.outputs["kubeconfig"])
    assert [user["user"].keys() for user in config["users"]] == [{"exec"}]
    login = config["users"][0]["user"]["exec"]
    assert login["command"] == "gke-gcloud-auth-plugin"
    assert "args" not in login
    assert "env" not in login
    assert login["interactiveMode"] == "Never", "CI has no terminal"
    text = dev.outputs["kubeconfig"].lower()
    for word in ("token", "password", "client-key", "client-certificate", "secret"):
        assert word not in text


def test_kubeconfig_leads_to_the_cluster(dev: Graph) -> None:
    """One context, verified by the cluster's own certificate."""
    config = json.loads(dev.outputs["kubeconfig"])
    cluster = {"server": f"https://{ENDPOINT}", "certificate-authority-data": CERTIFICATE}
    assert [entry["cluster"] for entry in config["clusters"]] == [cluster]
    (context,) = config["contexts"]
    assert context["name"] == config["current-context"]
    assert context["context"] == {"cluster": config["clusters"][0]["name"], "user": config["users"][0]["name"]}


def test_provider_of_the_cluster(dev: Graph) -> None:
    """The provider uses that kubeconfig, and a changed certificate in it must not replace everything in the cluster."""
    inputs = dev.one("pulumi:providers:kubernetes").inputs
    assert inputs["kubeconfig"] == dev.outputs["kubeconfig"]
    assert inputs["clusterIdentifier"] == "projects/tpu-inference-dev/locations/us-east5-b/clusters/inference-dev"


def test_configuration_is_changed_in_place(graph: Graph) -> None:
    """By default the provider replaces a ConfigMap: KServe's controller found none while its own was changed."""
    assert graph.one("pulumi:providers:kubernetes").inputs["enableConfigMapMutable"] == "true"


def test_prod_protects_its_cluster(dev: Graph, prod: Graph) -> None:
    """Nobody deletes or replaces the cluster of prod by a mistaken property; dev is there to be thrown away."""
    assert prod.one("gcp:container/cluster:Cluster").inputs["deletionProtection"] is True
    assert dev.one("gcp:container/cluster:Cluster").inputs["deletionProtection"] is False


def test_prod_survives_a_zone_of_its_control_plane(dev: Graph, prod: Graph) -> None:
    """In prod the control plane is regional, in dev zonal; the nodes of both are where the TPUs are."""
    assert prod.one("gcp:container/cluster:Cluster").inputs["location"] == "us-east5"
    assert dev.one("gcp:container/cluster:Cluster").inputs["location"] == "us-east5-b"
    for graph in (dev, prod):
        for pool in graph.of_type("gcp:container/nodePool:NodePool"):
            assert pool.inputs["nodeLocations"] == ["us-east5-b"]


def test_cluster_has_what_the_gateway_needs(graph: Graph) -> None:
    """Without any one of these Gateways stay without an address or pools without endpoints, and nothing says so."""
    inputs = graph.one("gcp:container/cluster:Cluster").inputs
    assert inputs["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}
    assert inputs["addonsConfig"] == {"httpLoadBalancing": {"disabled": False}}
    assert inputs["networkingMode"] == "VPC_NATIVE"


def test_cluster_is_closed(graph: Graph) -> None:
    """Private nodes, a control plane for named networks only, Workload Identity, and no default node pool."""
    inputs = graph.one("gcp:container/cluster:Cluster").inputs
    assert inputs["privateClusterConfig"]["enablePrivateNodes"] is True
    blocks = inputs["masterAuthorizedNetworksConfig"]["cidrBlocks"]
    assert blocks
    assert all(ipaddress.ip_network(block["cidrBlock"]).prefixlen > 0 for block in blocks)
    others = inputs["masterAuthorizedNetworksConfig"]["gcpPublicCidrsAccessEnabled"]
    assert others is False, "machines of every Google Cloud customer would be let in beside them"
    assert inputs["workloadIdentityConfig"] == {"workloadPool": f"{_project(graph)}.svc.id.goog"}
    assert inputs["removeDefaultNodePool"] is True


def test_control_plane_reaches_webhooks(graph: Graph) -> None:
    """GKE opens private nodes to their control plane on 443 and 10250 alone; KServe's and LWS's webhooks are on 9443."""
    firewall = graph.one("gcp:compute/firewall:Firewall", "network-webhooks").inputs
    cluster = graph.one("gcp:container/cluster:Cluster").inputs
    assert firewall["sourceRanges"] == [cluster["privateClusterConfig"]["masterIpv4CidrBlock"]]
    assert firewall["allows"] == [{"protocol": "tcp", "ports": ["9443", "10250"]}]


def test_version_is_the_channels_unless_one_is_asked_for(graph: Graph) -> None:
    """A full version is gone from its channel within months: a stack that named one could not be created again."""
    assert "minMasterVersion" not in graph.one("gcp:container/cluster:Cluster").inputs


def test_nodes_have_an_account_of_their_own(dev: Graph) -> None:
    """The default service account may edit the whole project; the nodes' own one has a single role."""
    email = "inference-dev-nodes@tpu-inference-dev.iam.gserviceaccount.com"
    pools = dev.of_type("gcp:container/nodePool:NodePool")
    assert {pool.inputs["nodeConfig"]["serviceAccount"] for pool in pools} == {email}
    grants = [
        (grant.inputs["member"], grant.inputs["role"]) for grant in dev.of_type("gcp:projects/iAMMember:IAMMember")
    ]
    assert grants == [(f"serviceAccount:{email}", "roles/container.defaultNodeServiceAccount")]


def test_network_of_the_load_balancer(graph: Graph) -> None:
    """The proxy-only subnet is active, in the region, in the network, and apart from every other range."""
    proxies = graph.one("gcp:compute/subnetwork:Subnetwork", "network-proxies").inputs
    assert (proxies["purpose"], proxies["role"], proxies["region"]) == ("REGIONAL_MANAGED_PROXY", "ACTIVE", "us-east5")
    nodes = graph.one("gcp:compute/subnetwork:Subnetwork", "network-nodes").inputs
    assert proxies["network"] == nodes["network"]
    assert nodes["privateIpGoogleAccess"] is True
    names = {entry["rangeName"] for entry in nodes["secondaryIpRanges"]}
    cluster = graph.one("gcp:container/cluster:Cluster").inputs["ipAllocationPolicy"]
    assert {cluster["clusterSecondaryRangeName"], cluster["servicesSecondaryRangeName"]} == names


def test_tpu_pools_fit_the_rules(graph: Graph) -> None:
    """The rules of the platform have no finding about its own TPU pools, and the numbers are those of the topology."""
    for pool in graph.of_type("gcp:container/nodePool:NodePool"):
        if pool.name == "cluster-system":
            continue
        config = pool.inputs["nodeConfig"]
        assert config["machineType"] == "ct6e-standard-4t"
        assert config["bootDisk"]["diskType"] == "hyperdisk-balanced", "v6e takes no other"
        assert "placementPolicy" not in pool.inputs, "GKE refuses one on a single-host slice"
        written = node_pool.TpuNodePool(
            machine_type=config["machineType"],
            boot_disk_type=config["bootDisk"]["diskType"],
            node_count=pool.inputs.get("nodeCount"),
            zones=tuple(pool.inputs["nodeLocations"]),
            spot=config["spot"],
            auto_repair=pool.inputs["management"]["autoRepair"],
        )
        assert [finding.message for finding in node_pool.check_node_pool(written)] == []


def test_system_pool_has_the_reserved_name(graph: Graph) -> None:
    """Settings refuse a TPU pool of this name, which would be the same node pool of the cluster."""
    assert graph.one("gcp:container/nodePool:NodePool", "cluster-system").inputs["name"] == SYSTEM_POOL


def test_labels_and_taints_of_tpu_nodes_are_gkes(graph: Graph) -> None:
    """GKE refuses a pool that sets its own TPU labels, and adds the taint itself."""
    for pool in graph.of_type("gcp:container/nodePool:NodePool"):
        assert not {"labels", "taints"} & pool.inputs["nodeConfig"].keys()


def test_prod_has_a_slice_for_each_replica(prod: Graph) -> None:
    """Each server takes a whole slice; an update starts a fourth one before it stops a third, and finds a node for it."""
    pool = prod.one("gcp:container/nodePool:NodePool", "tpu-v6e-2x2")
    service = prod.manifests_of("LLMInferenceService")[0]
    assert service.inputs["spec"]["replicas"] == pool.inputs["initialNodeCount"] == 3
    assert pool.inputs["autoscaling"] == {"minNodeCount": 3, "maxNodeCount": 4}


def test_pods_find_their_nodes(graph: Graph) -> None:
    """Pool, selector, toleration, chips and tensor parallel size all follow from machine type and topology."""
    template = graph.manifests_of("LLMInferenceService")[0].inputs["spec"]["template"]
    assert template["nodeSelector"] == {
        "cloud.google.com/gke-nodepool": "v6e-2x2",
        "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
        "cloud.google.com/gke-tpu-topology": "2x2",
    }
    assert template["tolerations"] == [
        {"key": "google.com/tpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}
    ]
    (container,) = template["containers"]
    assert container["resources"]["requests"]["google.com/tpu"] == "4"
    assert container["resources"]["limits"]["google.com/tpu"] == "4"
    assert "--tensor-parallel-size=4" in container["args"]


def test_loading_weights_has_memory(graph: Graph) -> None:
    """With KServe's limit of 1Gi, downloads of more than about 8 GB end OOMKilled (kserve#5326)."""
    template = graph.manifests_of("LLMInferenceService")[0].inputs["spec"]["template"]
    (loader,) = template["initContainers"]
    assert loader["name"] == "storage-initializer"
    assert loader["resources"] == {"limits": {"memory": "32Gi"}}


def test_loading_weights_is_confined(graph: Graph) -> None:
    """The container that talks to model hubs has no privilege that Pod Security's restricted profile forbids."""
    template = graph.manifests_of("LLMInferenceService")[0].inputs["spec"]["template"]
    (loader,) = template["initContainers"]
    assert loader["securityContext"] == {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _project(graph: Graph) -> str:
    project: str = graph.one("pulumi:providers:gcp").inputs["project"]
    return project


@pytest.mark.parametrize(
    ("cluster", "account"),
    [
        ("inference-dev", "inference-dev-nodes"),
        ("a" * 24, f"{'a' * 24}-nodes"),
        ("inference-of-the-search-team-east", "inference-of-the-se-141e-nodes"),
        ("inference-of-the-search-team-west", "inference-of-the-se-3a41-nodes"),
    ],
)
def test_node_accounts_of_long_names_stay_apart(cluster: str, account: str) -> None:
    """A service account id has 30 characters; two long cluster names that begin alike get two accounts."""
    assert len(account) <= 30
    assert node_account_id(cluster) == account
