"""A Gateway in front of an InferencePool needs a class that serves it: joins, unknowns, near misses, exemptions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.gateway_class import GATEWAY_CLASS
from tests.policies.harness import UNKNOWN, Made, kubernetes, run
from tests.policies.objects import GLOBAL, gateway, llm, llm_config, pool_ref, route, service_ref

GATEWAY_REF = {"name": "inference", "namespace": "gateways"}


def test_a_global_gateway_in_front_of_a_pool_is_refused() -> None:
    """Incident: the Gateway had an address and answered 'no healthy upstream' until its class was changed."""
    result = run(GATEWAY_CLASS, gateway(GLOBAL), route(pool_ref()))
    assert result.only == (
        "[inference-pool-class] Gateway gateways/inference: spec.gatewayClassName is 'gke-l7-global-external-managed': "
        "Gateways of this class take no InferencePool backend: the Gateway gets an address, but the pool never becomes "
        "healthy and every request ends in 503 'no healthy upstream' (behind it: HTTPRoute models/qwen). "
        "Write gke-l7-regional-external-managed or gke-l7-rilb."
    )
    assert result.violations[0][1] == gateway().urn


@pytest.mark.parametrize(
    "router",
    [
        {"scheduler": {}, "route": {"http": {"refs": [{"name": "qwen"}]}}},
        {"scheduler": {}, "gateway": {"refs": [GATEWAY_REF]}, "route": {"http": {}}},
        {"scheduler": {"pool": {"ref": {"name": "mine"}}}, "gateway": {"refs": [GATEWAY_REF]}},
        {"scheduler": {}, "route": {"http": {"spec": {"parentRefs": [GATEWAY_REF]}}}},
    ],
    ids=["by route", "by gateway", "own pool", "inline route"],
)
def test_a_service_with_a_scheduler_puts_a_pool_behind_its_gateway(router: object) -> None:
    """The pool is KServe's and not in the stack; the scheduler alone tells that it will be there."""
    result = run(GATEWAY_CLASS, gateway(GLOBAL), route(service_ref()), llm(router))
    assert "behind it: LLMInferenceService models/qwen" in result.only


def test_a_scheduler_that_comes_from_a_base_config_counts() -> None:
    """KServe merges baseRefs before it decides what to make."""
    base = llm_config("base", router={"scheduler": {}, "gateway": {"refs": [GATEWAY_REF]}})
    result = run(GATEWAY_CLASS, gateway(GLOBAL), base, llm({}, baseRefs=[{"name": "base"}]))
    assert result.rules == ["inference-pool-class"]


@pytest.mark.parametrize(
    "stack",
    [
        [gateway(), route(pool_ref())],
        [gateway("gke-l7-rilb"), route(pool_ref())],
        [gateway(GLOBAL), route(service_ref())],
        [gateway(GLOBAL, name="other"), route(pool_ref())],
        [gateway(GLOBAL, namespace="elsewhere"), route(pool_ref())],
        [
            gateway(GLOBAL),
            route(pool_ref(), parent=[{"kind": "Service", "group": "", "name": "inference", "namespace": "gateways"}]),
        ],
        [gateway(GLOBAL), llm({"route": {"http": {"refs": [{"name": "qwen"}]}}})],
        [gateway(GLOBAL), kubernetes("networking.istio.io/v1", "HTTPRoute", "qwen", spec=route().props["spec"])],
        [route(pool_ref())],
    ],
)
def test_near_misses_pass(stack: list[Made]) -> None:
    """Right classes, other Gateways, Service backends, mesh parents, other API groups, somebody else's Gateway."""
    assert not run(GATEWAY_CLASS, *stack).violations


def test_one_gateway_behind_many_routes_is_one_finding() -> None:
    """The message lists what stands behind the Gateway instead of repeating itself."""
    result = run(GATEWAY_CLASS, gateway(GLOBAL), route(), route(name="other"), llm())
    assert "behind it: HTTPRoute models/qwen, HTTPRoute models/other, LLMInferenceService models/qwen" in result.only


def test_an_imported_pool_needs_the_multi_cluster_class() -> None:
    """The allow-list goes by kind of backend."""
    imported = {"group": "networking.gke.io", "kind": "GCPInferencePoolImport", "name": "qwen"}
    assert "gke-l7-cross-regional-internal-managed-mc" in run(GATEWAY_CLASS, gateway(), route(imported)).only


def test_a_missing_class_is_refused() -> None:
    """The API server would say so too, but only at the update."""
    assert "spec.gatewayClassName is missing" in run(GATEWAY_CLASS, gateway(None), route()).only


@pytest.mark.parametrize(
    ("stack", "path"),
    [
        ([gateway(UNKNOWN), route()], "spec.gatewayClassName"),
        ([gateway(7), route()], "spec.gatewayClassName"),
        ([gateway(GLOBAL), route({**pool_ref(), "kind": UNKNOWN})], "spec.rules[0].backendRefs[0].kind"),
        ([gateway(GLOBAL), route(UNKNOWN)], "spec.rules[0].backendRefs[0]"),
        ([gateway(GLOBAL), route(rule={"backendRefs": UNKNOWN})], "spec.rules[0].backendRefs"),
        ([gateway(GLOBAL), route(parent=[{"name": UNKNOWN, "namespace": "gateways"}])], "spec.parentRefs[0].name"),
        ([gateway(GLOBAL), route(parent=UNKNOWN)], "spec.parentRefs"),
        ([gateway(GLOBAL), llm({"scheduler": UNKNOWN, "gateway": {"refs": [GATEWAY_REF]}})], "spec.router.scheduler"),
        (
            [gateway(GLOBAL), kubernetes("gateway.networking.k8s.io/v1", "HTTPRoute", "a", spec=UNKNOWN)],
            "spec.parentRefs",
        ),
    ],
)
def test_unknown_is_not_green(stack: list[Made], path: str) -> None:
    """The SDK would turn each of these into one advisory line; the field and the way out are named instead."""
    result = run(GATEWAY_CLASS, *stack)
    assert result.rules == ["undecided"]
    assert f"{path} is '(unknown)': cannot decide at preview" in result.only
    assert "Declare it as a constant" in result.only


@pytest.mark.parametrize(
    "stack",
    [
        [gateway(), route(UNKNOWN)],
        [gateway(), route(parent=[{"name": UNKNOWN}])],
        [gateway(UNKNOWN), route(service_ref())],
        [gateway(GLOBAL), route({**service_ref(), "weight": UNKNOWN})],
        [gateway(GLOBAL), route(service_ref(UNKNOWN))],
    ],
)
def test_an_unknown_that_decides_nothing_is_not_reported(stack: list[Made]) -> None:
    """Whatever these turn out to be, the verdict is the same."""
    assert not run(GATEWAY_CLASS, *stack).violations


def test_one_unknown_does_not_hide_another_violation() -> None:
    """In the SDK the first unknown of a stack policy ends it; here the bad Gateway is still reported."""
    other = replace(route(name="other"), props={**route(name="other").props, "spec": UNKNOWN})
    assert "inference-pool-class" in run(GATEWAY_CLASS, other, gateway(GLOBAL), route()).rules


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:apiextensions.k8s.io:CustomResource",
        "gke:gateway.networking.k8s.io/v1:Gateway",
        "kubernetes:gateway.networking.k8s.io/v1:GatewayPatch",
        "kubernetes:gateway.networking.k8s.io/v1beta1:Gateway",
    ],
)
def test_every_way_to_write_the_object_is_read(token: str) -> None:
    """Typed, CustomResource, provider extension, Patch."""
    assert run(GATEWAY_CLASS, replace(gateway(GLOBAL), token=token), route()).rules == ["inference-pool-class"]


def test_the_provider_namespace_is_the_default() -> None:
    """An object without a namespace goes to its provider's."""
    bare = gateway(GLOBAL)
    bare = replace(bare, props={**bare.props, "metadata": {"name": "inference"}})
    assert run(GATEWAY_CLASS, replace(bare, provider={"namespace": "gateways"}), route()).rules
    assert not run(GATEWAY_CLASS, bare, route()).rules
