"""Gateways, routes, health checks, clusters: what GKE accepts and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from rules import cluster, gateway, health, kserve, vllm
from rules.finding import Finding

HTTP: dict[str, Any] = {"portSpecification": "USE_FIXED_PORT", "port": 8000, "requestPath": "/health"}


def spec(
    check: dict[str, Any] | None = None, *, kind: str = "HTTP", member: str = "httpHealthCheck", **default: Any
) -> dict[str, Any]:
    """A HealthCheckPolicy spec without target."""
    return {"default": {"config": {"type": kind, member: HTTP if check is None else check}, **default}}


@pytest.mark.parametrize("class_name", sorted(gateway.GATEWAY_CLASSES))
def test_only_the_allow_list_takes_an_inference_pool(class_name: str) -> None:
    """Incident: a global external Gateway got an address, and its InferencePool never became healthy."""
    allowed = class_name in {"gke-l7-regional-external-managed", "gke-l7-rilb"}
    assert bool(gateway.check_gateway_class(class_name, ["InferencePool"])) is not allowed
    assert not gateway.check_gateway_class(class_name, ["Service"])


def test_the_imported_pool_has_its_own_class() -> None:
    """Multi-cluster pools are served by the cross-regional class only."""
    assert not gateway.check_gateway_class("gke-l7-cross-regional-internal-managed-mc", ["GCPInferencePoolImport"])
    assert gateway.check_gateway_class("gke-l7-rilb", ["GCPInferencePoolImport"])


@pytest.mark.parametrize(
    ("rule", "path", "name"),
    [
        ({"timeouts": {"request": "0s"}}, "[0].timeouts", "timeouts"),
        ({"timeouts": {}}, "[0].timeouts", "timeouts"),
        ({"retry": {"attempts": 2}}, "[0].retry", "retry"),
        (
            {"matches": [{"path": {"type": "RegularExpression", "value": "^/.*$"}}]},
            "[0].matches[0].path.type",
            "regular-expression",
        ),
        (
            {"matches": [{"headers": [{"type": "RegularExpression"}]}]},
            "[0].matches[0].headers[0].type",
            "regular-expression",
        ),
        ({"matches": [{"method": "POST"}]}, "[0].matches[0].method", "method-match"),
        (
            {"filters": [{"urlRewrite": {"path": {"type": "ReplaceFullPath"}}}]},
            "[0].filters[0].urlRewrite.path.type",
            "replace-full-path",
        ),
        ({"filters": [{"requestRedirect": {"port": 443}}]}, "[0].filters[0].requestRedirect.port", "redirect-port"),
        ({"backendRefs": [{"name": "a", "filters": [{}]}]}, "[0].backendRefs[0].filters", "backend-filters"),
        (
            {"backendRefs": [{"kind": "InferencePool", "group": "inference.networking.x-k8s.io", "name": "a"}]},
            "[0].backendRefs[0].group",
            "backend-group",
        ),
    ],
)
def test_what_gke_refuses_in_a_route(rule: dict[str, Any], path: str, name: str) -> None:
    """Incident: KServe's timeouts of 0s on every rule, GWCER104, and a Gateway that took no change at all."""
    (finding,) = gateway.check_route_rules([rule])
    assert (finding.path, finding.rule) == (path, name)
    assert name == "backend-group" or "GWCER104" in finding.message


def test_what_gke_takes_in_a_route() -> None:
    """Prefix rewrites, scheme redirects and query parameters are fine; junk neither crashes nor is judged."""
    fine = {
        "name": "v1",
        "matches": [{"path": {"type": "PathPrefix", "value": "/a"}}],
        "filters": [{"urlRewrite": {"path": {"type": "ReplacePrefixMatch"}}}, {"requestRedirect": {"scheme": "https"}}],
        "backendRefs": [{"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "a"}, {"name": "b"}],
    }
    assert not gateway.check_route_rules([fine, {"matches": "x", "filters": [1], "backendRefs": None}])


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (spec(timeoutSec=15), "spec.default.timeoutSec"),
        (spec(checkIntervalSec=3), "spec.default.timeoutSec"),
        (spec(checkIntervalSec=301, timeoutSec=5), "spec.default.checkIntervalSec"),
        (spec(unhealthyThreshold=11), "spec.default.unhealthyThreshold"),
        (spec({"port": 8000, "requestPath": "/health"}), "spec.default.config.httpHealthCheck.portSpecification"),
        (
            spec({**HTTP, "portSpecification": "USE_SERVING_PORT"}),
            "spec.default.config.httpHealthCheck.portSpecification",
        ),
        (spec({**HTTP, "portSpecification": "FIXED"}), "spec.default.config.httpHealthCheck.portSpecification"),
        (spec({**HTTP, "requestPath": "/"}), "spec.default.config.httpHealthCheck.requestPath"),
        (spec({**HTTP, "requestPath": None}), "spec.default.config.httpHealthCheck.requestPath"),
        (spec({**HTTP, "requestPath": "health"}), "spec.default.config.httpHealthCheck.requestPath"),
        (spec(kind="HTTPS"), "spec.default.config.httpHealthCheck"),
        (spec(kind="HTTP", member="none"), "spec.default.config.httpHealthCheck"),
        (spec(kind="http"), "spec.default.config.type"),
        ({}, "spec.default.config.type"),
    ],
)
def test_one_thing_wrong_with_a_health_check(given: dict[str, Any], path: str) -> None:
    """The API server refuses some of these; others it takes, and no backend ever turns healthy."""
    assert [f.path for f in health.check_health_check_policy(given)] == [path]


def test_right_health_checks_pass() -> None:
    """With the proven numbers, with defaults, and over gRPC without a path."""
    assert not health.check_health_check_policy(spec(checkIntervalSec=15, timeoutSec=15, healthyThreshold=1))
    assert not health.check_health_check_policy(spec())
    serving = {"portSpecification": "USE_SERVING_PORT"}
    assert not health.check_health_check_policy(spec(serving, kind="GRPC", member="grpcHealthCheck"))


@pytest.mark.parametrize(
    ("group", "kind", "namespace", "path"),
    [
        ("", "Service", None, None),
        ("inference.networking.k8s.io", "InferencePool", "a", None),
        ("inference.networking.x-k8s.io", "InferencePool", None, "spec.targetRef.group"),
        (None, "InferencePool", None, "spec.targetRef.group"),
        ("core", "Service", None, "spec.targetRef.group"),
        ("apps", "Deployment", None, "spec.targetRef.kind"),
        ("", "Service", "b", "spec.targetRef.namespace"),
    ],
)
def test_targets(group: str | None, kind: str, namespace: str | None, path: str | None) -> None:
    """A target that misses is taken by the API server and does nothing."""
    assert [f.path for f in health.check_target_ref(group, kind, namespace, "a")] == ([] if path is None else [path])


def test_cluster_switches() -> None:
    """The Gateway API is off by default on Standard clusters."""
    assert "is missing" in cluster.check_gateway_api_channel(None)[0].message
    assert cluster.check_gateway_api_channel("CHANNEL_DISABLED")
    assert not cluster.check_gateway_api_channel("CHANNEL_STANDARD")
    assert cluster.check_http_load_balancing(disabled=True)
    assert not cluster.check_http_load_balancing(disabled=None)
    assert cluster.check_networking_mode("ROUTES")
    assert cluster.check_version("1.31.9")
    assert cluster.check_version("abc")
    assert not cluster.check_version("1.34")
    assert [cluster.region_of(x) for x in ("us-east5-b", "us-east5", "us-south1-ai1b")] == [
        "us-east5",
        "us-east5",
        "us-south1",
    ]


@pytest.mark.parametrize(
    ("cidr", "fine"), [("10.0.0.0/23", True), ("10.0.0.0/26", True), ("10.0.0.0/27", False), ("x", False)]
)
def test_proxy_only_ranges(cidr: str, fine: bool) -> None:
    """At least 64 addresses."""
    assert (not cluster.check_proxy_only_range(cidr)) is fine


def test_generated_names_fit_while_the_name_does() -> None:
    """KServe cuts and hashes names over 63 characters, after which nothing can refer to them."""
    longest = kserve.GeneratedNames("a" * kserve.MAX_NAME_LENGTH)
    names = [longest.endpoint_picker, longest.workload_service, longest.inference_pool, longest.certificates_secret]
    assert max(len(name) for name in names) <= 63
    assert not kserve.check_name("a" * 38)
    assert "at most 38" in kserve.check_name("a" * 39)[0].message


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("gke-l7-regional-external", "Did you mean gke-l7-regional-external-managed?"),
        ("gke-17-rilb", "Did you mean gke-l7-rilb?"),
        ("gke-l7-foo", "Write gke-l7-regional-external-managed or gke-l7-rilb."),
    ],
)
def test_a_class_that_does_not_exist(name: str, remedy: str) -> None:
    """A mistyped class is not said to serve anything: there is none, and the Gateway never gets an address."""
    (finding,) = gateway.check_gateway_class(name, ["InferencePool"])
    assert (
        finding.reason == "there is no such GatewayClass: no controller takes the Gateway, and it never gets an address"
    )
    assert finding.remedy == remedy


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("--prefix-cache-block-size=128", True),
        ("--prefix-cache-block-size", True),
        ("--dtype=half --prefix-cache-block-size 64", True),
        ("--block-size=64", False),
        ("--enable-prefix-caching", False),
    ],
)
def test_flags_vllm_does_not_know(argument: str, wrong: bool) -> None:
    """Incident: argparse ended the server at once and the pod crash-looped."""
    assert bool(vllm.check_arguments(["serve", argument])) is wrong


def test_a_finding_reads_as_a_sentence() -> None:
    """Path, value, reason and remedy, in that order; prefixes join indices without a dot."""
    finding = Finding(path="[0].timeouts", value={"request": "0s"}, reason="GKE refuses it", remedy="Leave it out.")
    assert (
        str(finding.under("spec.rules")) == "spec.rules[0].timeouts is {'request': '0s'}: GKE refuses it. Leave it out."
    )
    assert Finding(path="a", value=None, reason="b", remedy="C.").message == "a is missing: b. C."
    assert Finding(path="a", value=True, reason="b", remedy="C.").under("x").message == "x.a is true: b. C."
