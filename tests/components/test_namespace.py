"""Namespaces that are closed, and stay open for what GKE and the load balancer have to do."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from components.loading import SettingsError
from components.namespace import ModelNamespaceArgs
from components.namespace import policies as namespace_policies
from tests.committed import committed
from tests.components.recording import Graph, build

POLICY = "NetworkPolicy"


def built(**isolation: Any) -> Graph:
    """The graph of dev with these settings under `isolation`."""
    settings = committed("dev")
    settings["isolation"] = isolation
    return build(settings)


def policies(graph: Graph, namespace: str = "inference") -> dict[str, dict[str, Any]]:
    """NetworkPolicies of a namespace: name -> spec."""
    found = [(policy.object_key, policy.inputs["spec"]) for policy in graph.manifests_of(POLICY)]
    return {name: spec for (_, where, name), spec in found if where == namespace}


def test_every_namespace_enforces_pod_security(graph: Graph) -> None:
    """A privileged pod is root on its node, TPUs included; what is below restricted is told."""
    for namespace in graph.manifests_of("Namespace"):
        labels = namespace.inputs["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] in {"baseline", "restricted"}
        assert labels["pod-security.kubernetes.io/warn"] == "restricted"
        assert labels["pod-security.kubernetes.io/audit"] == "restricted"


def test_every_namespace_is_closed(graph: Graph) -> None:
    """What no policy names does not get in, in controllers' namespaces as in the models'."""
    for namespace in graph.manifests_of("Namespace"):
        deny = policies(graph, namespace.object_key[2])["default-deny"]
        assert deny["podSelector"] == {}
        assert "Ingress" in deny["policyTypes"]
        assert "ingress" not in deny


def test_health_checks_and_proxies_get_in(graph: Graph) -> None:
    """Dataplane V2 shows pods the sender's own address: without these ranges all backends are unhealthy, all pods Ready."""
    (rule,) = policies(graph)["allow-load-balancer"]["ingress"]
    ranges = {ipaddress.ip_network(peer["ipBlock"]["cidr"]) for peer in rule["from"]}
    proxies = graph.one("gcp:compute/subnetwork:Subnetwork", "network-proxies").inputs["ipCidrRange"]
    assert ranges == {ipaddress.ip_network(cidr) for cidr in ("35.191.0.0/16", "130.211.0.0/22", proxies)}
    firewall = graph.one("gcp:compute/firewall:Firewall", "network-load-balancer").inputs
    assert {str(port["port"]) for port in rule["ports"]} == set(firewall["allows"][0]["ports"]), "one is not enough"


def test_endpoint_picker_and_servers_reach_each_other(graph: Graph) -> None:
    """The endpoint picker reads the servers' metrics; a namespace closed to itself routes at random."""
    own = policies(graph)["allow-own-pods"]
    assert own["ingress"] == [{"from": [{"podSelector": {}}]}]
    assert own["egress"] == [{"to": [{"podSelector": {}}]}]


def test_metrics_are_collected(graph: Graph) -> None:
    """Managed Prometheus collects from gmp-system, on Autopilot from gke-gmp-system."""
    (rule,) = policies(graph)["allow-monitoring"]["ingress"]
    (expression,) = rule["from"][0]["namespaceSelector"]["matchExpressions"]
    assert expression["key"] == "kubernetes.io/metadata.name"
    assert set(expression["values"]) == {"gmp-system", "gke-gmp-system"}
    assert {8000, 9090} <= {port["port"] for port in rule["ports"]}


def test_without_metrics_nobody_collects_them() -> None:
    """A rule with an empty list of ports would open all of them."""
    args = ModelNamespaceArgs(
        name="models",
        pod_security="baseline",
        network_policies=True,
        restrict_egress=True,
        proxy_cidrs=("10.129.0.0/23",),
        serving_ports=(8080,),
        metrics_ports=(),
    )
    found = namespace_policies(args)
    assert "allow-monitoring" not in found
    assert all(rule.get("ports") != [] for spec in found.values() for rule in spec.get("ingress", []))


def test_pods_reach_names_hubs_and_their_identity(graph: Graph) -> None:
    """Weights come over HTTPS, identities and TPU topology from the node's metadata server, with Dataplane V2 on port 80."""
    egress = policies(graph)["allow-egress"]["egress"]
    anywhere = {(port["protocol"], port["port"]) for rule in egress if "to" not in rule for port in rule["ports"]}
    assert anywhere == {("UDP", 53), ("TCP", 53), ("TCP", 443)}
    metadata = {
        (peer["ipBlock"]["cidr"], port["port"])
        for rule in egress
        for peer in rule.get("to", [])
        for port in rule["ports"]
    }
    assert metadata >= {("169.254.169.252/32", 988), ("169.254.169.254/32", 80)}


def test_webhooks_of_controllers_stay_reachable(graph: Graph) -> None:
    """A closed webhook refuses every object of its kind, and the cluster can neither be changed nor emptied."""
    for namespace in ("cert-manager", "lws-system", "kserve"):
        (rule,) = policies(graph, namespace)["allow-webhooks"]["ingress"]
        assert "from" not in rule
        assert {port["port"] for port in rule["ports"]} == {9443, 10250}


def test_policies_exist_before_pods(graph: Graph) -> None:
    """Models come after the Gateway, and that after the namespace with all its policies."""
    for service in graph.manifests_of("LLMInferenceService"):
        namespace = next(n for n in graph.manifests_of("Namespace") if n.object_key[2] == "inference")
        assert graph.waits_for(service, namespace)


def test_an_open_namespace_is_an_explicit_choice() -> None:
    """And the pack sees it: there is no NetworkPolicy then."""
    assert policies(built(networkPolicies=False)) == {}


def test_open_egress_leaves_ingress_closed() -> None:
    """Only what pods may reach is opened."""
    found = policies(built(egress="open"))
    assert "allow-egress" not in found
    assert found["default-deny"]["policyTypes"] == ["Ingress"]
    assert "egress" not in found["allow-own-pods"]


def test_clients_inside_the_cluster() -> None:
    """A namespace that is named may call the servers; the others still may not."""
    (rule,) = policies(built(clients=["chat"]))["allow-clients"]["ingress"]
    assert rule["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["chat"]


def test_bounds_of_the_namespace() -> None:
    """Quota and defaults as Kubernetes writes them."""
    graph = built(
        quota={"tpuChips": 8, "pods": 20, "cpu": "256", "memory": "2Ti"},
        containerDefaults={"cpu": "500m", "memory": "1Gi"},
    )
    (quota,) = graph.manifests_of("ResourceQuota")
    assert quota.inputs["spec"]["hard"] == {
        "requests.google.com/tpu": "8",
        "pods": "20",
        "requests.cpu": "256",
        "requests.memory": "2Ti",
    }
    (limits,) = graph.manifests_of("LimitRange")
    assert limits.inputs["spec"]["limits"] == [
        {"type": "Container", "defaultRequest": {"cpu": "500m", "memory": "1Gi"}}
    ]


def test_restricted_is_enforced_when_asked_for() -> None:
    """With images that do not run as root."""
    settings = committed("dev")
    settings["isolation"] = {"podSecurity": "restricted"}
    settings["models"][0]["allowRoot"] = False
    namespace = next(n for n in build(settings).manifests_of("Namespace") if n.object_key[2] == "inference")
    assert namespace.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize(
    ("isolation", "message"),
    [
        (
            {"podSecurity": "restricted"},
            "isolation.podSecurity: 'restricted': models[0] runs as root (allowRoot), and no pod of it would ever start",
        ),
        ({"quota": {"cpu": "4"}}, "isolation.containerDefaults: not set: with a quota on cpu every pod"),
        (
            {"quota": {"tpuChips": 2}},
            "isolation.quota.tpuChips: 2: the models' replicas need 4 chips. Write 4 or more",
        ),
        ({"clients": ["chat"], "networkPolicies": False}, "isolation.clients: 'chat'"),
        ({"podSecurity": "privileged"}, "isolation.podSecurity: 'privileged'"),
    ],
)
def test_wrong_isolation_is_refused(isolation: dict[str, Any], message: str) -> None:
    """Field, value, reason, remedy."""
    with pytest.raises(SettingsError) as refused:
        built(**isolation)
    assert message in str(refused.value)
