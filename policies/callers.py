"""Does something decide who may call what a Gateway shows to the internet?

`edge_protection.py` judges protection that is written; this is about its absence. Identity-Aware Proxy decides, a Cloud Armor
policy with an allow list does, one that only limits does not, and one that the stack refers to by name and does not declare is
taken at its word. A server's own key decides where the pack can see it, which is vLLM's; other servers' are for an exemption.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pulumi_policy import Severity

from policies.framework import Report, stack_policy
from policies.pods import is_vllm, words
from policies.reading import Field
from policies.resources import Resource
from policies.routed import RoutedBackend, Targets, of_route, of_service
from policies.routing import Reference, Stack, parents, resolve, rules_of
from policies.security_policies import KINDS as ARMOR_KINDS
from policies.security_policies import Admission, SecurityPolicies
from policies.servers import SERVER_KINDS, Servers
from rules import callers, vllm_arguments
from rules.backend import BACKEND_POLICY
from rules.exposure import is_external
from rules.gateway import GKE_NETWORKING_GROUP

_QUESTION: Final = "who may call the backend"
_ARGUMENT_VARIABLES: Final = ("VLLM_ADDITIONAL_ARGS", "VLLM_ARGS")

_Place = tuple[Field, Resource]


@dataclass(slots=True)
class _Front:
    """The Gateways in front of something: those that certainly answer the internet, and what hides whether others do."""

    external: list[Resource] = field(default_factory=list[Resource])
    unclear: _Place | None = None


@dataclass(slots=True)
class _Guard:
    """What stands between the internet and a backend."""

    decides: bool = False
    unclear: _Place | None = None
    admissions: list[Admission] = field(default_factory=list[Admission])
    """Security policies that let everybody pass."""
    hint: str = ""


def _check(resources: list[Resource], report: Report) -> None:
    stack = Stack(resources)
    guards = _Guards(resources, stack)
    admitted: dict[str, tuple[Admission, list[str]]] = {}
    for source, refs, backends in _sources(stack, report):
        front = _front(source, refs, stack)
        if not front.external and front.unclear is None:
            continue
        open_: list[tuple[RoutedBackend, str]] = []
        for backend in backends:
            guard = guards.of(backend)
            unclear = guard.unclear if front.external else front.unclear
            if guard.decides:
                continue
            if unclear is not None:
                report.undecided(unclear[0], f"who may call {backend.label}", unclear[1])
            elif guard.admissions:
                for each in guard.admissions:
                    key = f"{each.resource.urn} {each.field.path}"
                    admitted.setdefault(key, (each, []))[1].append(backend.label)
            else:
                open_.append((backend, guard.hint))
        if open_:
            labels = list(dict.fromkeys(backend.label for backend, _ in open_))
            hints = list(dict.fromkeys(hint for _, hint in open_ if hint))
            names = [gateway.label for gateway in front.external]
            report.finding(callers.anonymous(labels, names, hints, open_[0][0].field.path), source)
    for each, labels in admitted.values():
        action = None if each.field.missing else str(each.field.value)
        behind = list(dict.fromkeys(sorted(labels)))
        report.finding(callers.admitted(action, each.field.path, behind), each.resource)


def _sources(stack: Stack, report: Report) -> Iterator[tuple[Resource, list[Reference], Iterable[RoutedBackend]]]:
    """What leads to backends, through which Gateways, and to which; the last is only looked at where it matters."""
    for route in stack.routes:
        yield route, parents(route.at("spec"), route.namespace), of_route(route, report, _QUESTION)
    for service in stack.services:
        if not service.route.missing:
            yield service.resource, service.gateways(), of_service(service, report, _QUESTION)


def _front(source: Resource, refs: Iterable[Reference], stack: Stack) -> _Front:
    front = _Front()
    seen: set[str] = set()
    for ref in refs:
        certain, possible = resolve(ref.key, stack.gateways)
        for gateway in certain:
            class_name = gateway.at("spec", "gatewayClassName").of(str)
            if class_name.unknown:
                front.unclear = front.unclear or (class_name, gateway)
            elif gateway.urn not in seen and is_external(class_name.get(str) or ""):
                seen.add(gateway.urn)
                front.external.append(gateway)
        if not certain and any(_may_be_external(gateway) for gateway in possible):
            front.unclear = front.unclear or (ref.first_unknown or ref.field, source)
    front.external.sort(key=lambda gateway: gateway.urn)
    return front


def _may_be_external(gateway: Resource) -> bool:
    class_name = gateway.at("spec", "gatewayClassName").of(str)
    return class_name.unknown or is_external(class_name.get(str) or "")


class _Guards:
    """What the stack puts in front of its backends, or into their servers."""

    def __init__(self, resources: list[Resource], stack: Stack) -> None:
        policies = [r for r in resources if (r.kind, r.group) == (BACKEND_POLICY, GKE_NETWORKING_GROUP)]
        self._targets = Targets(sorted(policies, key=lambda policy: policy.urn))
        self._armor = SecurityPolicies(resources)
        self._servers = Servers(resources, stack)

    def of(self, backend: RoutedBackend) -> _Guard:
        """What guards a backend on the way that leads to it."""
        guard = _Guard()
        for policy in self._targets.attached(backend):
            self._read(policy, guard)
        if not guard.decides:
            for policy, ref in self._targets.possible(backend):
                default = policy.at("spec", "default")
                if not (default.at("iap").missing and default.at("securityPolicy").missing):
                    hidden = ref.first_unknown or policy.at("metadata", "namespace")
                    guard.unclear = guard.unclear or (hidden, policy)
            self._read_server(backend, guard)
        return guard

    def _read(self, policy: Resource, guard: _Guard) -> None:
        """Takes in what a GCPBackendPolicy says."""
        default = policy.at("spec", "default")
        enabled = default.at("iap", "enabled").of(bool)
        guard.decides = guard.decides or enabled.get(bool) is True
        if enabled.unknown:
            guard.unclear = guard.unclear or (enabled, policy)
        name = default.at("securityPolicy").of(str)
        if name.missing or name.value == "":
            return
        found = self._armor.named(name)
        if not found and name.unknown:
            guard.unclear = guard.unclear or (name, policy)
        elif all(each.everybody is False for each in found):
            guard.decides = True
        for each in found:
            if each.everybody is None:
                guard.unclear = guard.unclear or (each.field, each.resource)
            elif each.everybody:
                guard.admissions.append(each)

    def _read_server(self, backend: RoutedBackend, guard: _Guard) -> None:
        """Takes in whether the servers ask for a key on what the route leads to."""
        server = self._servers.at(backend.kind, backend.namespace, backend.name)
        container = None if server is None else server.template.server
        if server is None or container is None or not is_vllm(container):
            return
        key = _key(container)
        if key is None:
            return
        if key.unknown:
            guard.unclear = guard.unclear or (key, server.template.resource)
            return
        paths = _paths(backend)
        for path in paths:
            if path.unknown:
                guard.unclear = guard.unclear or (path, backend.source)
            elif not callers.key_guards(str(path.value)):
                guard.hint = guard.hint or callers.key_hint(backend.label, str(path.value))
        guard.decides = bool(paths) and not guard.hint and all(path.known for path in paths)


def _key(container: Field) -> Field | None:
    """Where a vLLM container gets its key from; an unknown field where that cannot be told, None where it gets none."""
    hidden: Field | None = None
    arguments: list[Field] = words(container)
    for variable in container.at("env").items():
        name, value = variable.at("name").of(str), variable.at("value").of(str)
        if name.unknown:
            hidden = hidden or name
        elif name.value == callers.KEY_VARIABLE:
            source = variable.at("valueFrom")
            if source.known or value.known:
                return None if value.value == "" else name
            hidden = hidden or next((each for each in (value, source) if each.unknown), None)
        elif name.value in _ARGUMENT_VARIABLES and not value.missing:
            arguments.append(value)
    split = vllm_arguments.split(argument.get(str) or "" for argument in arguments)
    if vllm_arguments.value(split, callers.KEY_FLAGS):
        return Field(f"{container.path}.args", callers.KEY_FLAGS[0])
    return hidden or next((argument for argument in arguments if argument.of(str).unknown), None)


def _paths(backend: RoutedBackend) -> list[Field]:
    """The paths on which a route's requests reach a backend, as its servers see them; none where the route is not declared."""
    for rule in rules_of(backend.source.at("spec")):
        if not backend.field.path.startswith(f"{rule.path}.backendRefs"):
            continue
        for each in rule.at("filters").items():
            rewrite = each.at("urlRewrite", "path")
            for written in (rewrite.at("replacePrefixMatch"), rewrite.at("replaceFullPath")):
                if not written.missing:
                    return [written.of(str)]
        matches = [match.at("path", "value").of(str) for match in rule.at("matches").items()] or [Field("/", None)]
        return [Field(match.path, "/") if match.missing else match for match in matches]
    return []


PUBLIC_ANONYMOUS: Final = stack_policy(
    name="public-anonymous",
    title="Backends are not open to everybody on the internet",
    description="Every backend behind an external Gateway needs IAP, a Cloud Armor allow list, or servers that ask for a key.",
    remediation="Attach a GCPBackendPolicy with iap, or with a securityPolicy that denies by default, to every routed backend; "
    "set VLLM_API_KEY from a Secret; or use an internal GatewayClass.",
    severity=Severity.HIGH,
    tags=["security", "gateway"],
    kinds=(*SERVER_KINDS, BACKEND_POLICY, *ARMOR_KINDS),
    check=_check,
)
