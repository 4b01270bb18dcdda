"""What does a Gateway open to the outside, and can its listeners and address be programmed?

An HTTP listener all of whose routes redirect to https is no finding. The plain-HTTP policy is advisory by default, because a
cluster for development may do without certificates; `config/prod.json` makes it mandatory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast

from pulumi_policy import EnforcementLevel, PolicyComplianceFramework, Severity

from policies.framework import Report, stack_policy
from policies.reading import Field
from policies.resources import Resource
from policies.routing import KINDS, Stack, parents, resolve, rules_of
from rules.exposure import (
    CERTIFICATE_MAP_ANNOTATION,
    NAMED_ADDRESS,
    check_address,
    check_certificate_map,
    check_certificates,
    check_plain_http,
    check_redirect_loop,
)
from rules.gateway import is_gke_class
from rules.hardening import BENCHMARK, BENCHMARK_VERSION

ADDRESS: Final = "gcp:compute/address:Address"
GLOBAL_ADDRESS: Final = "gcp:compute/globalAddress:GlobalAddress"


def _check_plain(resources: list[Resource], report: Report) -> None:
    stack = Stack(resources)
    routes: dict[object, list[tuple[Resource, Field]]] = {}
    for route in stack.routes:
        for parent in route.at("spec", "parentRefs").items():
            namespace = parent.at("namespace").get(str) or route.namespace
            routes.setdefault((namespace, parent.at("name").get(str)), []).append((route, parent.at("sectionName")))
    for gateway in stack.gateways:
        field = gateway.at("spec", "gatewayClassName").of(str)
        class_name = field.get(str) or ""
        for listener in gateway.at("spec", "listeners").items():
            protocol = listener.at("protocol").of(str)
            if field.unknown and protocol.get(str) == "HTTP":
                report.undecided(field, "whether the listener answers on the internet", gateway)
            if protocol.unknown:
                report.undecided(protocol, "whether the listener encrypts", gateway)
                continue
            name = listener.at("name").get(str)
            attached = [r for r, section in routes.get(gateway.key, []) if section.missing or section.value == name]
            redirects = bool(attached) and all(_redirects(route) for route in attached)
            findings = check_plain_http(protocol.get(str), class_name, protocol.path, redirects=redirects)
            report.findings(findings, gateway)


def _redirects(route: Resource) -> bool:
    rules = rules_of(route.at("spec"))
    return bool(rules) and all(
        any(item.at("requestRedirect", "scheme").get(str) == "https" for item in rule.at("filters").items())
        for rule in rules
    )


def _check_listeners(resources: list[Resource], report: Report) -> None:
    regional, global_ = (frozenset(_names(resources, token)) for token in (ADDRESS, GLOBAL_ADDRESS))
    stack = Stack(resources)
    for route in stack.routes:
        if _redirects(route):
            _check_redirect(route, stack, report)
    for gateway in stack.gateways:
        class_name = gateway.at("spec", "gatewayClassName").get(str)
        if class_name is None or not is_gke_class(class_name):
            continue
        cert_map = gateway.at("metadata", "annotations", CERTIFICATE_MAP_ANNOTATION)
        if not cert_map.unknown:
            report.findings(check_certificate_map(class_name, cert_map.value), gateway)
        for listener in gateway.at("spec", "listeners").items():
            refs, options = listener.at("tls", "certificateRefs"), listener.at("tls", "options")
            if refs.unknown or options.unknown or listener.at("protocol").unknown:
                report.undecided(listener.at("tls"), "whether the listener has a certificate", gateway)
                continue
            keys = frozenset(cast("dict[str, object]", options.value)) if options.of(dict).known else frozenset[str]()
            protocol = listener.at("protocol").get(str)
            has_map = not cert_map.missing
            findings = check_certificates(protocol, bool(refs.items()), keys, has_map, f"{listener.path}.tls")
            report.findings(findings, gateway)
        for address in gateway.at("spec", "addresses").items():
            value = address.at("value").get(str)
            if address.at("type").get(str) == NAMED_ADDRESS and value is not None:
                path = address.at("value").path
                report.findings(check_address(class_name, value, path, regional=regional, global_=global_), gateway)


def _check_redirect(route: Resource, stack: Stack, report: Report) -> None:
    """Which listeners a route that redirects to https is attached to."""
    for ref in parents(route.at("spec"), route.namespace):
        section = ref.field.at("sectionName")
        if section.unknown:
            report.undecided(section, "whether the redirect is attached to the HTTPS listener", route)
            continue
        for gateway in resolve(ref.key, stack.gateways)[0]:
            for listener in gateway.at("spec", "listeners").items():
                name = listener.at("name").get(str)
                if section.missing or section.value == name:
                    path = section.path if section.known else ref.field.path
                    report.findings(check_redirect_loop(listener.at("protocol").get(str), name, path), route)


def _names(resources: Iterable[Resource], token: str) -> list[str]:
    return [r.name for r in resources if r.token == token and isinstance(r.name, str)]


PLAIN_HTTP: Final = stack_policy(
    name="public-plain-http",
    title="Gateways on the internet encrypt",
    description="A listener of an external Gateway should be HTTPS; plain HTTP shows prompts and keys to everybody on the way.",
    remediation="Write protocol HTTPS with a certificate; keep port 80 for a redirect only.",
    severity=Severity.HIGH,
    tags=["security", "gateway"],
    kinds=KINDS,
    check=_check_plain,
    enforcement=EnforcementLevel.ADVISORY,
    framework=PolicyComplianceFramework(name=BENCHMARK, version=BENCHMARK_VERSION, reference="5.6.7"),
)

GATEWAY_LISTENERS: Final = stack_policy(
    name="gateway-listeners",
    title="Listeners have a certificate and an address that exist",
    description="HTTPS listeners need one source of certificates, a named address must be of the class's scope, and a redirect "
    "to https must not be attached to an HTTPS listener.",
    remediation="Write tls.options with a regional certificate, declare a regional Address for a regional Gateway, and name the "
    "HTTP listener in the redirect's parentRefs.",
    severity=Severity.HIGH,
    tags=["gateway"],
    kinds=(*KINDS, "Address", "GlobalAddress"),
    check=_check_listeners,
)
