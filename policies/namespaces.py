"""Are namespaces closed to what must not come in, and open to what must: Pod Security labels, the load balancer's ranges."""

from __future__ import annotations

from typing import Any, Final, cast

from pulumi_policy import EnforcementLevel, PolicyComplianceFramework, Severity

from policies.framework import Report, resource_policy, stack_policy
from policies.resources import Resource
from rules.gateway import GATEWAY_GROUP, is_gke_class
from rules.hardening import BENCHMARK, BENCHMARK_VERSION
from rules.isolation import ENFORCE, check_load_balancer_ingress, check_pod_security
from rules.kserve import GROUP, LLM_INFERENCE_SERVICE

_POLICY_GROUP: Final = "networking.k8s.io"


def _check_labels(resource: Resource, report: Report) -> None:
    if not resource.token.startswith("kubernetes:") or resource.group or resource.kind != "Namespace":
        return
    label = resource.at("metadata", "labels", ENFORCE).of(str)
    if label.unknown:
        report.undecided(label, "which pods the namespace refuses", resource)
    else:
        report.findings(check_pod_security(label.get(str)), resource)


def _check_ingress(resources: list[Resource], report: Report) -> None:
    gateways = [r for r in resources if r.group == GATEWAY_GROUP and r.kind == "Gateway"]
    if not any(is_gke_class(gateway.at("spec", "gatewayClassName").get(str) or "") for gateway in gateways):
        return
    served = {
        r.namespace
        for r in resources
        if (r.group, r.kind) in {(GATEWAY_GROUP, "HTTPRoute"), (GROUP, LLM_INFERENCE_SERVICE)}
    }
    policies = [r for r in resources if r.group == _POLICY_GROUP and r.kind == "NetworkPolicy"]
    for namespace in sorted(served & {policy.namespace for policy in policies}, key=str):
        there = sorted((p for p in policies if p.namespace == namespace), key=lambda p: p.urn)
        specs = [spec for policy in there if isinstance(spec := policy.at("spec").value, dict)]
        certain = [_certain(policy) for policy in there]
        if not check_load_balancer_ingress(certain):
            continue
        hidden = next(((p, field) for p in there for field in p.at("spec").unknowns()), None)
        if hidden is not None:
            report.undecided(hidden[1], "whether Google's health checks reach the pods", hidden[0])
        else:
            report.findings(check_load_balancer_ingress(cast("list[dict[str, Any]]", specs)), there[0])


def _certain(policy: Resource) -> dict[str, Any]:
    """A policy's `spec` as it lets in least and closes most: without ingress rules that are not known."""
    spec = policy.at("spec")
    if any(True for name in ("podSelector", "policyTypes") for _ in spec.at(name).unknowns()) or spec.unknown:
        return {}
    rules = [rule.value for rule in spec.at("ingress").items() if not any(True for _ in rule.unknowns())]
    known = cast("dict[str, Any]", spec.value) if spec.of(dict).known else {}
    return {**known, "ingress": rules}


NAMESPACE_POD_SECURITY: Final = resource_policy(
    name="namespace-pod-security",
    title="Namespaces enforce a Pod Security Standard",
    description="A namespace without an enforced profile takes privileged pods from whoever may create pods in it.",
    remediation=f"Label the namespace {ENFORCE}: baseline, or restricted.",
    severity=Severity.MEDIUM,
    tags=["security", "cis"],
    kinds=["Namespace"],
    check=_check_labels,
    enforcement=EnforcementLevel.ADVISORY,
    framework=PolicyComplianceFramework(name=BENCHMARK, version=BENCHMARK_VERSION, reference="4.2.1"),
)

LOAD_BALANCER_INGRESS: Final = stack_policy(
    name="load-balancer-ingress",
    title="NetworkPolicies let health checks through",
    description="A namespace that is closed to Google's health checks has no healthy backend, though all pods are Ready.",
    remediation="Allow 35.191.0.0/16, 130.211.0.0/22 and the proxy-only subnet's range on the serving ports.",
    severity=Severity.HIGH,
    tags=["gateway", "network"],
    kinds=["NetworkPolicy", "Gateway", "HTTPRoute", LLM_INFERENCE_SERVICE],
    check=_check_ingress,
)
