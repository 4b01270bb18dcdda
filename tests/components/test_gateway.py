"""How the Gateway is entered: certificates, redirect, host names, SSL policy, internal class."""

from __future__ import annotations

from typing import Any

import pytest

from components.naming import joined
from rules import exposure, gateway
from tests.committed import committed
from tests.components.recording import INTERNAL_ADDRESS, Graph, Resource, Settings, build

CERTIFICATE = "cert-manager.io/v1"


def with_tls(tls: dict[str, Any], **more: Any) -> Settings:
    """Prod's settings with other certificates."""
    settings = committed("prod")
    settings["gateway"] = {"className": "gke-l7-regional-external-managed", "tls": tls, **more}
    return settings


def entry(graph: Graph) -> dict[str, Any]:
    """`spec` of the one Gateway."""
    (found,) = graph.manifests_of("Gateway")
    spec: dict[str, Any] = found.inputs["spec"]
    return spec


def route(graph: Graph, name: str) -> Resource:
    """The HTTPRoute of that name."""
    (found,) = [each for each in graph.manifests_of("HTTPRoute") if each.object_key[2] == name]
    return found


@pytest.mark.parametrize(
    ("tls", "block"),
    [
        (
            {"certificateManager": ["first", "second"]},
            {"mode": "Terminate", "options": {"networking.gke.io/cert-manager-certs": "first,second"}},
        ),
        (
            {"preSharedCertificates": ["old"]},
            {"mode": "Terminate", "options": {"networking.gke.io/pre-shared-certs": "old"}},
        ),
        ({"secrets": ["tls"]}, {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": "tls"}]}),
    ],
)
def test_certificates_come_from_one_place(tls: dict[str, Any], block: dict[str, Any]) -> None:
    """Two sources on one listener end in GWCER105; the policies' rule agrees with what is written."""
    listener = entry(build(with_tls(tls), stack="prod"))["listeners"][0]
    assert (listener["name"], listener["protocol"], listener["port"]) == ("https", "HTTPS", 443)
    assert listener["tls"] == block
    options = frozenset(block.get("options", {}))
    assert exposure.check_certificates("HTTPS", "certificateRefs" in block, options, False, "tls") == []


def test_port_80_only_redirects(prod: Graph) -> None:
    """The redirect is bound to the HTTP listener: attached to both, the HTTPS one would redirect to itself for ever."""
    https, http = entry(prod)["listeners"]
    assert (http["name"], http["protocol"], http["port"]) == ("http", "HTTP", 80)
    redirect = route(prod, "inference-gateway-redirect").inputs["spec"]
    assert redirect["parentRefs"] == [{"name": "inference-gateway", "sectionName": "http"}]
    assert redirect["rules"] == [
        {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]}
    ]
    assert gateway.check_route_rules(redirect["rules"]) == []
    for each in prod.manifests_of("HTTPRoute"):
        if each.object_key[2] != "inference-gateway-redirect":
            assert each.inputs["spec"]["parentRefs"] == [{"name": "inference-gateway", "sectionName": https["name"]}]


def test_no_redirect_leaves_port_80_closed() -> None:
    """Without the redirect there is nothing on port 80, so there is no listener either."""
    graph = build(with_tls({"certificateManager": ["one"], "redirectHttp": False}), stack="prod")
    assert [listener["port"] for listener in entry(graph)["listeners"]] == [443]
    assert len(graph.manifests_of("HTTPRoute")) == 1


def test_plain_http_has_no_tls_objects(dev: Graph) -> None:
    """Dev chose plain HTTP: no redirect, no SSL policy, and the model's route is on the one listener."""
    assert [listener["name"] for listener in entry(dev)["listeners"]] == ["http"]
    assert dev.manifests_of("GCPGatewayPolicy") == []
    assert dev.of_type("gcp:compute/regionSslPolicy:RegionSslPolicy") == []
    (only,) = dev.manifests_of("HTTPRoute")
    assert only.inputs["spec"]["parentRefs"] == [{"name": "inference-gateway", "sectionName": "http"}]


def test_old_tls_is_refused_at_the_edge(prod: Graph) -> None:
    """Google's default SSL policy takes TLS 1.0; ours is made in the Gateway's region and attached by name."""
    made = prod.one("gcp:compute/regionSslPolicy:RegionSslPolicy").inputs
    assert (made["minTlsVersion"], made["profile"], made["region"]) == ("TLS_1_2", "MODERN", "us-east5")
    (policy,) = prod.manifests_of("GCPGatewayPolicy")
    assert policy.inputs["spec"] == {
        "targetRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "inference-gateway"},
        "default": {"sslPolicy": made["name"]},
    }
    assert policy.object_key[1] == prod.manifests_of("Gateway")[0].object_key[1], (
        "policies attach in their own namespace"
    )


def test_the_ssl_policy_outlives_the_gateway(prod: Graph) -> None:
    """The load balancer's proxy refers to it until the Gateway is gone: deleted before, Google Cloud says it is in use."""
    made = prod.one("gcp:compute/regionSslPolicy:RegionSslPolicy")
    assert prod.waits_for(prod.manifests_of("Gateway")[0], made)


def test_two_stacks_of_a_project_share_no_name() -> None:
    """Both keep the Gateway's default name; in one project and region the second stack's address was refused with 409."""
    first, second = with_tls({"certificateManager": ["one"]}), with_tls({"certificateManager": ["one"]})
    second["cluster"]["name"] = "inference-blue"
    first["edge"] = second["edge"] = {"cloudArmor": {"requestsPerMinute": 60}}
    names = [
        {(each.type, each.inputs["name"]) for each in build(settings, stack="prod").google if "name" in each.inputs}
        for settings in (first, second)
    ]
    inside = "gcp:container/nodePool:NodePool"  # its name is one of its cluster
    assert {each for each in names[0] & names[1] if each[0] != inside} == set()


def test_long_names_are_cut_and_stay_different() -> None:
    """Compute Engine takes 63 characters; two names that differ behind them must not become one."""
    one, other = joined("c" * 40, "g" * 39 + "a"), joined("c" * 40, "g" * 39 + "b")
    assert one != other
    assert len(one) == len(other) == 63
    assert joined("inference", "gateway") == "inference-gateway"


def test_ssl_policy_of_ones_own() -> None:
    """A policy that exists is named and none is made."""
    graph = build(with_tls({"certificateManager": ["one"], "sslPolicy": "strict"}), stack="prod")
    assert graph.of_type("gcp:compute/regionSslPolicy:RegionSslPolicy") == []
    (policy,) = graph.manifests_of("GCPGatewayPolicy")
    assert policy.inputs["spec"]["default"] == {"sslPolicy": "strict"}


def test_host_names_are_on_every_route() -> None:
    """A route without them would answer every name; a listener can hold one only, so several are on the routes alone."""
    names = ["models.example.com", "llm.example.com"]
    graph = build(with_tls({"certificateManager": ["one"]}, hostnames=names), stack="prod")
    assert all("hostname" not in listener for listener in entry(graph)["listeners"])
    assert [each.inputs["spec"]["hostnames"] for each in graph.manifests_of("HTTPRoute")] == [names, names]
    assert graph.outputs["models"] == {"qwen2-5-3b": "https://models.example.com/inference/qwen2-5-3b"}
    one = build(with_tls({"certificateManager": ["one"]}, hostnames=names[:1]), stack="prod")
    assert {listener["hostname"] for listener in entry(one)["listeners"]} == {"models.example.com"}


def test_internal_gateway_shares_its_address() -> None:
    """Ports 443 and 80 are two forwarding rules, and an internal address of the default purpose takes only one."""
    settings = with_tls({"certificateManager": ["one"]}, globalAccess=True) | {}
    settings["gateway"]["className"] = "gke-l7-rilb"
    graph = build(settings, stack="prod")
    address = graph.one("gcp:compute/address:Address").inputs
    assert (address["addressType"], address["purpose"]) == ("INTERNAL", "SHARED_LOADBALANCER_VIP")
    (policy,) = graph.manifests_of("GCPGatewayPolicy")
    assert policy.inputs["spec"]["default"] == {
        "sslPolicy": "inference-prod-inference-gateway",
        "allowGlobalAccess": True,
    }
    assert graph.outputs["models"] == {"qwen2-5-3b": f"https://{INTERNAL_ADDRESS}/inference/qwen2-5-3b"}


def test_certificate_authority_chain(graph: Graph) -> None:
    """Self-signed root, RSA 2048 as KServe's endpoint picker reads it, then an issuer that signs with it, each after the last."""
    issuers = {each.object_key[2]: each for each in graph.manifests_of("ClusterIssuer")}
    (root,) = [each for each in graph.manifests_of("Certificate") if each.inputs["spec"].get("isCA")]
    spec = root.inputs["spec"]
    assert (spec["privateKey"]["algorithm"], spec["privateKey"]["size"]) == ("RSA", 2048)
    assert issuers[spec["issuerRef"]["name"]].inputs["spec"] == {"selfSigned": {}}
    authority = issuers["platform-authority"]
    assert authority.inputs["spec"] == {"ca": {"secretName": spec["secretName"]}}
    assert root.object_key[1] == "cert-manager", "a ClusterIssuer's Secret is looked up there"
    manager = graph.one("kubernetes:helm.sh/v3:Release", "cert-manager")
    assert graph.waits_for(authority, root)
    assert graph.waits_for(root, issuers[spec["issuerRef"]["name"]])
    assert graph.waits_for(issuers[spec["issuerRef"]["name"]], manager)


def test_private_certificate() -> None:
    """The cluster's authority issues the Gateway's certificate for its names, before the Gateway asks for the Secret."""
    settings = with_tls({"privateAuthority": True}, hostnames=["models.internal.example.com"])
    graph = build(settings, stack="prod")
    (leaf,) = [each for each in graph.manifests_of("Certificate") if not each.inputs["spec"].get("isCA")]
    spec = leaf.inputs["spec"]
    assert spec["dnsNames"] == ["models.internal.example.com"]
    assert spec["issuerRef"]["name"] == "platform-authority"
    assert (spec["privateKey"]["algorithm"], spec["privateKey"]["size"]) == ("RSA", 2048)
    (ref,) = entry(graph)["listeners"][0]["tls"]["certificateRefs"]
    gateway_object = graph.manifests_of("Gateway")[0]
    assert (ref["name"], leaf.object_key[1]) == (spec["secretName"], gateway_object.object_key[1])
    assert graph.waits_for(gateway_object, leaf)
