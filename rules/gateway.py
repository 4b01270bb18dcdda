"""GKE's Gateway controller: which class serves which backend, what an HTTPRoute may ask of it, what it needs around it.

Owns what GKE accepts and refuses. Does not own health checks (`health.py`) nor what KServe generates (`kserve.py`).
Sources: docs.cloud.google.com/kubernetes-engine/docs/how-to/gatewayclass-capabilities; GKE's conformance reports v1.1
to v1.6 in kubernetes-sigs/gateway-api (2026-07-23); llm-d's GKE guide (2026); operators' reports of GWCER104.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from rules.finding import Finding
from rules.nearest import nearest

GATEWAY_GROUP: Final = "gateway.networking.k8s.io"
GATEWAY_API_VERSION: Final = "gateway.networking.k8s.io/v1"
INFERENCE_POOL_GROUP: Final = "inference.networking.k8s.io"
INFERENCE_POOL_API_VERSION: Final = "inference.networking.k8s.io/v1"
RETIRED_INFERENCE_POOL_GROUP: Final = "inference.networking.x-k8s.io"
"""The alpha group; its InferencePool was removed in gateway-api-inference-extension v1.5.0 (PR #2796)."""
GKE_NETWORKING_GROUP: Final = "networking.gke.io"
GKE_NETWORKING_API_VERSION: Final = "networking.gke.io/v1"
MULTI_CLUSTER_GROUP: Final = "net.gke.io"

GATEWAY_API_CHANNEL: Final = "CHANNEL_STANDARD"
"""Value of a cluster's `gatewayApiConfig.channel` with which GKE runs its Gateway controller."""

CONTROLLER: Final = "networking.gke.io/gateway"
"""`spec.controllerName` of GKE's GatewayClasses, and who it is in the statuses it writes (GKE's conformance reports, 2026-07)."""

REGIONAL_EXTERNAL: Final = "gke-l7-regional-external-managed"
REGIONAL_INTERNAL: Final = "gke-l7-rilb"
GATEWAY_CLASSES: Final = frozenset(
    name + suffix
    for name in ("gke-l7-global-external-managed", REGIONAL_EXTERNAL, REGIONAL_INTERNAL, "gke-l7-gxlb")
    for suffix in ("", "-mc")
) | {"gke-l7-cross-regional-internal-managed-mc"}
"""Every GatewayClass GKE offers."""

INFERENCE_POOL: Final = "InferencePool"
INFERENCE_POOL_IMPORT: Final = "GCPInferencePoolImport"
INFERENCE_POOL_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    INFERENCE_POOL: (REGIONAL_EXTERNAL, REGIONAL_INTERNAL),
    INFERENCE_POOL_IMPORT: ("gke-l7-cross-regional-internal-managed-mc",),
}
"""The only classes that take a backend of that kind. Global external classes accept the Gateway, get an address, and
never have a healthy pool."""

PROXY_ONLY_PURPOSE: Final = "REGIONAL_MANAGED_PROXY"
PROXY_ONLY_ROLE: Final = "ACTIVE"
PROXY_ONLY_MINIMUM_PREFIX: Final = 26
"""Longest prefix Google accepts for a proxy-only subnet (64 addresses)."""
PROXY_ONLY_RECOMMENDED_PREFIX: Final = 23

CERTIFICATE_OPTION: Final = "networking.gke.io/cert-manager-certs"
"""TLS option of a regional Gateway's listener that names its regional Certificate Manager certificates, with commas between."""
PRE_SHARED_OPTION: Final = "networking.gke.io/pre-shared-certs"
"""TLS option that names regional SSL certificates of Compute Engine instead."""

REDIRECT_CODES: Final = (301, 302)
"""What a redirect may answer; GKE's conformance reports up to 1.36 leave 303, 307 and 308 out."""
SHARED_ADDRESS_PURPOSE: Final = "SHARED_LOADBALANCER_VIP"
"""Purpose of an internal address that several forwarding rules share, as those of ports 80 and 443 of one Gateway do; with
the default purpose GCE_ENDPOINT only one rule can have it (Compute Engine's guide to internal static addresses, 2026)."""

DEFAULT_BACKEND_TIMEOUT_SECONDS: Final = 30
"""GKE's backend timeout when no GCPBackendPolicy says otherwise; it cuts longer streams."""


def is_gke_class(class_name: str) -> bool:
    """Whether GKE's own controller serves Gateways of that class."""
    return class_name.startswith("gke-l7-")


def is_regional_class(class_name: str) -> bool:
    """Whether Gateways of that class run on Envoy proxies in a proxy-only subnet of their region."""
    return class_name.removesuffix("-mc") in {REGIONAL_EXTERNAL, REGIONAL_INTERNAL}


def takes(class_name: str, backend_kind: str) -> bool:
    """Whether a Gateway of that class can have a backend of that kind."""
    allowed = INFERENCE_POOL_CLASSES.get(backend_kind)
    return allowed is None or class_name in allowed


def check_gateway_class(class_name: str, backend_kinds: Iterable[str]) -> list[Finding]:
    """Whether a Gateway of that class can serve backends of these kinds; the path is `spec.gatewayClassName`."""
    findings: list[Finding] = []
    for kind in sorted(set(backend_kinds)):
        if takes(class_name, kind):
            continue
        allowed = INFERENCE_POOL_CLASSES[kind]
        near = None if class_name in GATEWAY_CLASSES else nearest(class_name, allowed)
        if near is not None or (is_gke_class(class_name) and class_name not in GATEWAY_CLASSES):
            findings.append(_unknown_class(class_name, near, allowed))
            continue
        findings.append(
            Finding(
                path="spec.gatewayClassName",
                value=class_name,
                reason=(
                    f"Gateways of this class take no {kind} backend: the Gateway gets an address, but the pool never "
                    "becomes healthy and every request ends in 503 'no healthy upstream'"
                ),
                remedy=f"Write {' or '.join(allowed)}.",
                rule="inference-pool-class",
            )
        )
    return findings


def _unknown_class(class_name: str, near: str | None, allowed: Sequence[str]) -> Finding:
    return Finding(
        path="spec.gatewayClassName",
        value=class_name,
        reason="there is no such GatewayClass: no controller takes the Gateway, and it never gets an address",
        remedy=f"Did you mean {near}?" if near else f"Write {' or '.join(allowed)}.",
        rule="inference-pool-class",
    )


def check_route_rules(rules: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What GKE refuses in an HTTPRoute's `spec.rules`; paths start at `[index]`.

    A refused route fails with GWCER104, and may stop the reconciliation of the whole Gateway with it.
    """
    findings: list[Finding] = []
    for index, rule in enumerate(rules):
        findings += check_route_rule(rule, f"[{index}]")
    return findings


def check_route_rule(rule: Mapping[str, Any], path: str) -> list[Finding]:
    """What GKE refuses in one rule of an HTTPRoute; findings' paths start with `path`."""
    findings: list[Finding] = []
    if rule.get("timeouts") is not None:
        findings.append(timeouts_finding(f"{path}.timeouts", rule["timeouts"]))
    if rule.get("retry") is not None:
        findings.append(
            refused(f"{path}.retry", rule["retry"], "retry", "route retries", "Leave retry out and let clients retry.")
        )
    for number, match in enumerate(_mappings(rule.get("matches"))):
        findings += _check_match(match, f"{path}.matches[{number}]")
    findings += _check_filters(_mappings(rule.get("filters")), f"{path}.filters")
    for number, backend in enumerate(_mappings(rule.get("backendRefs"))):
        findings += check_backend_group(backend.get("group"), backend.get("kind"), f"{path}.backendRefs[{number}]")
        if backend.get("filters"):
            findings.append(
                refused(
                    f"{path}.backendRefs[{number}].filters",
                    backend["filters"],
                    "backend-filters",
                    "filters of a single backend",
                    "Move them to the rule's own filters.",
                )
            )
    return findings


def check_backend_group(group: object, kind: object, path: str) -> list[Finding]:
    """Whether a backend reference to an InferencePool names the group GKE serves; None is 'not written'."""
    if kind != INFERENCE_POOL or group == INFERENCE_POOL_GROUP or not isinstance(group, (str, type(None))):
        return []
    retired = group == RETIRED_INFERENCE_POOL_GROUP
    return [
        Finding(
            path=f"{path}.group",
            value=group,
            reason="this alpha group of InferencePool is retired"
            if retired
            else "GKE has no InferencePool in this group",
            remedy=f"Write {INFERENCE_POOL_GROUP}.",
            rule="backend-group",
        )
    ]


def timeouts_finding(path: str, value: object) -> Finding:
    """The finding for `timeouts` in a route; also true of `0s`, which KServe's preset writes on every rule."""
    return refused(
        path,
        value,
        "timeouts",
        "route timeouts",
        "Leave timeouts out and set spec.default.timeoutSec of a GCPBackendPolicy for the backend.",
    )


def refused(path: str, value: object, rule: str, what: str, remedy: str) -> Finding:
    """A finding for a feature GKE's Gateway controller refuses."""
    return Finding(
        path=path,
        value=value,
        reason=(
            f"GKE's Gateway controller refuses {what} on every GatewayClass: the route is not programmed (GWCER104) "
            "and can stop the whole Gateway from taking changes"
        ),
        remedy=remedy,
        rule=rule,
    )


def _check_match(match: Mapping[str, Any], path: str) -> list[Finding]:
    findings: list[Finding] = []
    path_match = match.get("path")
    if isinstance(path_match, Mapping):
        kind = cast("Mapping[str, Any]", path_match).get("type")
        if kind == "RegularExpression":
            findings.append(
                refused(
                    f"{path}.path.type",
                    kind,
                    "regular-expression",
                    "regular expressions in paths",
                    "Write PathPrefix or Exact.",
                )
            )
    if match.get("method") is not None:
        findings.append(
            refused(f"{path}.method", match["method"], "method-match", "matching by method", "Leave method out.")
        )
    for number, header in enumerate(_mappings(match.get("headers"))):
        if header.get("type") == "RegularExpression":
            findings.append(
                refused(
                    f"{path}.headers[{number}].type",
                    header["type"],
                    "regular-expression",
                    "regular expressions in headers",
                    "Write Exact.",
                )
            )
    return findings


def _check_filters(filters: Sequence[Mapping[str, Any]], path: str) -> list[Finding]:
    findings: list[Finding] = []
    for number, item in enumerate(filters):
        rewrite: Any = item.get("urlRewrite")
        rewritten: Any = rewrite.get("path") if isinstance(rewrite, Mapping) else None
        if isinstance(rewritten, Mapping) and cast("Mapping[str, Any]", rewritten).get("type") == "ReplaceFullPath":
            findings.append(
                refused(
                    f"{path}[{number}].urlRewrite.path.type",
                    "ReplaceFullPath",
                    "replace-full-path",
                    "rewriting the full path",
                    "Write ReplacePrefixMatch with one PathPrefix match in the rule.",
                )
            )
        redirect: Any = item.get("requestRedirect")
        if isinstance(redirect, Mapping) and cast("Mapping[str, Any]", redirect).get("port") is not None:
            findings.append(
                refused(
                    f"{path}[{number}].requestRedirect.port",
                    cast("Mapping[str, Any]", redirect)["port"],
                    "redirect-port",
                    "redirects to a port",
                    "Leave port out; scheme: https alone is enough.",
                )
            )
        code: Any = cast("Mapping[str, Any]", redirect).get("statusCode") if isinstance(redirect, Mapping) else None
        if isinstance(code, int) and not isinstance(code, bool) and code not in REDIRECT_CODES:
            findings.append(
                refused(
                    f"{path}[{number}].requestRedirect.statusCode",
                    code,
                    "redirect-code",
                    f"redirects with status {code}",
                    "Write 301 or 302.",
                )
            )
    return findings


def _mappings(value: object) -> list[Mapping[str, Any]]:
    """The mappings in `value` if it is a list; anything else counts as none."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return []
    return [cast("Mapping[str, Any]", item) for item in cast("Sequence[Any]", value) if isinstance(item, Mapping)]
