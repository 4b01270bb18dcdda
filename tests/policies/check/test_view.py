"""What may be concluded from files that are only part of a deployment."""

from __future__ import annotations

from io import BytesIO

import pytest

from policies.check.result import check
from policies.check.settings import PackConfig
from policies.check.view import MISSING_ANYWHERE, MISSING_BEHIND_GATEWAY
from policies.pack import POLICIES
from tests.policies.check.manifests import TIMEOUT, gateway, judge, names, route

MISSING = "backend-health-check"
FEATURES = "httproute-features"
SERVICE = """apiVersion: serving.kserve.io/v1alpha2
kind: LLMInferenceService
metadata: {name: qwen, namespace: models}
spec:
  model: {uri: hf://Qwen/Qwen2.5-3B-Instruct, name: qwen}
"""
MANAGED = SERVICE + "  router: {route: {}, scheduler: {}}\n"


def test_the_policies_that_need_a_gateway_are_in_the_pack() -> None:
    """A renamed policy would bring its false positives back."""
    assert {policy.name for policy in POLICIES} >= MISSING_BEHIND_GATEWAY
    assert {policy.name for policy in POLICIES} >= {policy for policy, _ in MISSING_ANYWHERE}


def test_a_gateway_that_is_not_in_view_leaves_open_what_is_behind_it() -> None:
    """Its repository may hold the HealthCheckPolicy too; the reader is told that nothing was said."""
    result = judge(route(TIMEOUT))
    assert names(result) == {FEATURES}
    assert result.notes[0].startswith("1 finding(s) were left out, because what they miss may be declared in files")


@pytest.mark.parametrize("documents", [(gateway(), route()), (route(), gateway())])
def test_a_gateway_of_gke_in_view_shows_what_is_missing(documents: tuple[str, ...]) -> None:
    """In whichever order the documents come."""
    result = judge(*documents)
    assert names(result) == {MISSING}
    assert not result.notes


def test_complete_input_is_judged_like_a_stack() -> None:
    """With --complete, what is not there is missing."""
    result = judge(route(), complete=True)
    assert names(result) == {MISSING}
    assert not result.notes


def test_routes_of_another_controller_are_none_of_gkes_business() -> None:
    """Half of the public routes with timeouts run on Istio or kgateway, where they work."""
    assert not names(judge(gateway("istio", "mesh"), route(TIMEOUT, parent="mesh")))
    assert FEATURES in names(judge(gateway("istio", "mesh"), gateway(), route(TIMEOUT)))


def test_a_service_with_a_managed_route_is_judged_where_its_gateway_is_known() -> None:
    """Every public sample of KServe has a managed route; only GKE refuses it."""
    refs = "  router: {route: {}, scheduler: {}, gateway: {refs: [{name: inference, namespace: gateways}]}}\n"
    assert not names(judge(MANAGED))
    assert names(judge(MANAGED, complete=True)) == {MISSING, "kserve-managed-route"}
    assert names(judge(gateway(), SERVICE + refs)) == {MISSING, "kserve-managed-route"}
    assert not names(judge(gateway("istio"), SERVICE + refs))


def test_a_service_is_attached_through_the_route_it_names() -> None:
    """`refs` lead to the route, and the route to the Gateway."""
    service = SERVICE + "  router: {scheduler: {}, route: {http: {refs: [{name: qwen}]}}}\n"
    assert names(judge(gateway(), route(), service)) == {MISSING}
    assert not names(judge(route(), service))


def test_objects_without_a_namespace_are_in_the_given_one() -> None:
    """As `kubectl apply -n` has it."""
    bare = gateway("gke-l7-global-external-managed").replace(", namespace: gateways", "")
    assert names(judge(bare, route(), namespace="gateways")) == {MISSING, "inference-pool-gateway-class"}
    assert not names(judge(bare, route()))
    assert judge(bare, route(), config=PackConfig()).exit_code == 0


def test_what_is_often_declared_elsewhere_is_not_missed() -> None:
    """A namespace and its NetworkPolicy come from different repositories more often than not."""
    policies = [policy for policy in POLICIES if policy.name == "namespace-network-policy"]
    namespace = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: models}\n"
    assert not check(["-"], BytesIO(namespace), policies).findings
    assert names(check(["-"], BytesIO(namespace), policies, complete=True)) == {"namespace-network-policy"}
