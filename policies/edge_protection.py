"""Does what shall protect the models at the edge do so: Identity-Aware Proxy, GCPGatewayPolicy, Model Armor?

Each of these is taken by the API server and does nothing, or lets everything through, when it is half written. Joins the
policies with the Gateways they end up on. What is needed is `rules.edge`'s knowledge.
"""

from __future__ import annotations

from typing import Any, Final, cast

from pulumi_policy import Severity

from policies.exposure import ADDRESS
from policies.framework import Report, stack_policy
from policies.health_agreement import target_of
from policies.reading import Field, Unknown
from policies.resources import Resource
from policies.routing import KINDS, Reference, Stack, backends, parents, reference, resolve
from rules.backend import BACKEND_POLICY
from rules.edge import (
    GATEWAY_POLICY,
    TRAFFIC_EXTENSION,
    check_extension_class,
    check_gateway_policy,
    check_gateway_policy_class,
    check_iap,
    check_iap_transport,
    check_traffic_extension,
)
from rules.exposure import NAMED_ADDRESS
from rules.gateway import GATEWAY_GROUP, GKE_NETWORKING_GROUP


def _check(resources: list[Resource], report: Report) -> None:
    stack = Stack(resources)
    regions = {r.name: r.at("region").get(str) for r in resources if r.token == ADDRESS}
    for resource in resources:
        if resource.group != GKE_NETWORKING_GROUP:
            continue
        if resource.kind == BACKEND_POLICY:
            _check_iap(resource, stack, report)
        elif resource.kind == GATEWAY_POLICY:
            _check_gateway_policy(resource, stack, report)
        elif resource.kind == TRAFFIC_EXTENSION:
            _check_extension(resource, stack, regions, report)


def _check_iap(policy: Resource, stack: Stack, report: Report) -> None:
    iap = policy.at("spec", "default", "iap")
    enabled = iap.at("enabled").of(bool)
    if enabled.unknown:
        report.undecided(enabled, "whether the backend is behind IAP", policy)
    if enabled.get(bool) is not True:
        return
    report.findings(check_iap(iap.value, iap.path), policy)
    protocols = _protocols(target_of(policy), stack)
    if protocols is not None:
        report.findings(check_iap_transport(protocols, iap.path), policy)


def _protocols(target: Reference, stack: Stack) -> list[str] | None:
    """Protocols of the listeners in front of a backend; None when one of them is not known."""
    fronts: list[Field] = []
    for route in stack.routes:
        refs = backends(route.at("spec"), route.namespace)
        if any((ref.kind, ref.namespace, ref.name) == (target.kind, target.namespace, target.name) for ref in refs):
            for ref in parents(route.at("spec"), route.namespace):
                section = ref.field.at("sectionName").get(str)
                for gateway in resolve(ref.key, stack.gateways)[0]:
                    listeners = gateway.at("spec", "listeners").items()
                    fronts += [x for x in listeners if section is None or x.at("name").get(str) in {section, None}]
    protocols = [front.at("protocol").get(str) for front in fronts]
    return None if None in protocols else cast("list[str]", protocols)


def _check_gateway_policy(policy: Resource, stack: Stack, report: Report) -> None:
    target = policy.at("spec", "targetRef")
    hidden = next(target.unknowns(), None)
    if hidden is not None:
        report.undecided(hidden, "whether the policy attaches", policy)
        return
    own = None if isinstance(policy.namespace, Unknown) else policy.namespace
    report.findings(check_gateway_policy(_known(policy.at("spec")), own), policy)
    for gateway in _gateways(target, policy, stack):
        class_name = gateway.at("spec", "gatewayClassName").get(str)
        if class_name is not None:
            report.findings(check_gateway_policy_class(_known(policy.at("spec", "default")), class_name), policy)


def _check_extension(extension: Resource, stack: Stack, regions: dict[Any, str | None], report: Report) -> None:
    spec = extension.at("spec")
    for chain in spec.at("extensionChains").items():
        for callout in chain.at("extensions").items():
            if callout.at("failOpen").unknown:
                report.undecided(callout.at("failOpen"), "whether requests pass unjudged", extension)
    region: str | None = None
    for target in spec.at("targetRefs").items():
        for gateway in _gateways(target, extension, stack):
            region = region or _region(gateway, regions)
            class_name = gateway.at("spec", "gatewayClassName").get(str)
            if class_name is not None:
                report.findings(check_extension_class(class_name, f"{target.path}.name"), extension)
    report.findings(check_traffic_extension(_known(spec), region), extension)


def _gateways(target: Field, policy: Resource, stack: Stack) -> list[Resource]:
    ref = reference(target, group=GATEWAY_GROUP, kind="Gateway", namespace=policy.namespace)
    return resolve(ref.key, stack.gateways)[0] if ref.kind == "Gateway" else []


def _region(gateway: Resource, regions: dict[Any, str | None]) -> str | None:
    """The region of the address a Gateway has, where the stack declares it."""
    for address in gateway.at("spec", "addresses").items():
        if address.at("type").get(str) == NAMED_ADDRESS:
            return regions.get(address.at("value").get(str))
    return None


def _known(field: Field) -> dict[str, Any]:
    return cast("dict[str, Any]", field.value) if field.of(dict).known else {}


EDGE_PROTECTION: Final = stack_policy(
    name="edge-protection",
    title="What protects the edge does so",
    description="IAP needs an OAuth client and HTTPS, Model Armor must fail closed and see bodies, and policies must attach.",
    remediation="Write clientID and oauth2ClientSecret behind an HTTPS listener; failOpen false, all events and the Gateway's "
    "own region for Model Armor; a Gateway of the same namespace as target.",
    severity=Severity.HIGH,
    tags=["security", "gateway"],
    kinds=(*KINDS, BACKEND_POLICY, GATEWAY_POLICY, TRAFFIC_EXTENSION, "Address"),
    check=_check,
)
