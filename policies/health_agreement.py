"""Does each HealthCheckPolicy ask for what the server behind its target serves, and is it the only one for it?

Compares path, port and scheme with the probes, ports and appProtocol of the server that the target leads to: a Deployment by
selector, or an LLMInferenceService with KServe's preset merged in. Probes themselves are compared with the paths that the
server is known to answer: vLLM's, or those that the pack's configuration declares for an image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final, cast

from pulumi_policy import Severity

from policies.framework import Report, at, stack_policy
from policies.pods import POD_KINDS, PodTemplate, is_vllm, number, pod_templates
from policies.reading import Field, Unknown
from policies.resources import Resource
from policies.routing import KINDS, Reference, reference
from policies.servers import PROBES, SERVER_KINDS, Backend, Servers, declared_ports
from rules.finding import Finding
from rules.gateway import GKE_NETWORKING_GROUP
from rules.health import FIXED_PORT, HEALTH_CHECK_POLICY, MEMBERS
from rules.server import Check, check_agreement, check_app_protocol, check_probe_path
from rules.vllm import ENDPOINTS


def target_of(policy: Resource) -> Reference:
    """What a GKE policy's `targetRef` means."""
    return reference(policy.at("spec", "targetRef"), group="", kind=None, namespace=policy.namespace)


def duplicates(policies: list[Resource]) -> Iterator[tuple[Resource, list[Resource]]]:
    """The policies with a target that others have too, each with those others."""
    by_target: dict[tuple[object, ...], list[Resource]] = {}
    for policy in policies:
        ref = target_of(policy)
        key = (ref.group, ref.kind, ref.namespace, ref.name, policy.namespace)
        if not any(isinstance(part, Unknown) for part in key):
            by_target.setdefault(key, []).append(policy)
    for group in by_target.values():
        if len(group) > 1:
            ordered = sorted(group, key=lambda p: p.urn)
            for policy in ordered[1:]:
                yield policy, [other for other in ordered if other is not policy]


def duplicate_finding(policy: Resource, others: list[Resource]) -> Finding:
    """The finding for a second policy of one kind on one target."""
    return Finding(
        path="spec.targetRef.name",
        value=policy.at("spec", "targetRef", "name").value,
        reason=f"{', '.join(other.label for other in others)} targets the same backend; GKE keeps the oldest and ignores the "
        "rest, so which one counts depends on the order of creation",
        remedy="Keep one and delete the others.",
        rule="duplicate",
    )


def _check(resources: list[Resource], report: Report) -> None:
    servers = Servers(resources)
    policies = [r for r in resources if (r.kind, r.group) == (HEALTH_CHECK_POLICY, GKE_NETWORKING_GROUP)]
    for policy, others in duplicates(policies):
        report.finding(duplicate_finding(policy, others), policy)
    for policy in policies:
        backend = servers.behind(target_of(policy))
        if backend is not None:
            _judge(policy, backend, report)


def _judge(policy: Resource, backend: Backend, report: Report) -> None:
    config = policy.at("spec", "default", "config")
    kind = config.at("type").get(str)
    if kind is None or kind not in MEMBERS:
        return  # the content policy says so
    member = config.at(MEMBERS[kind])
    port = member.at("port")
    if port.unknown and member.at("portSpecification").get(str) in {None, FIXED_PORT}:
        report.undecided(port, "whether the server listens on the port that is checked", policy)
    server = backend.server
    check = Check(
        type=kind,
        path=member.at("requestPath").get(str),
        port=number(port),
        specification=member.at("portSpecification").get(str),
    )
    report.findings(check_agreement(check, server), policy)
    for field in backend.ports:
        protocol = field.at("appProtocol").get(str)
        if protocol is not None:
            for finding in check_app_protocol(protocol, kind, policy.label):
                report.finding(
                    replace(finding, path="spec.default.config.type", value=kind, reason=_why(finding)), policy
                )


def _why(finding: Finding) -> str:
    return f"the Service's appProtocol is '{finding.value}', and {finding.reason}"


def _check_probes(resources: list[Resource], report: Report) -> None:
    served: Any = report.config.get("servedPaths") or {}
    declared = cast("Mapping[str, Any]", served) if isinstance(served, Mapping) else {}
    for template in pod_templates(resources):
        container = template.server
        if container is None:
            continue
        paths = _served(container, template, declared)
        ports = declared_ports(container)
        label = f"the server of {template.resource.label}"
        for name in PROBES:
            probe = container.at(name)
            get = probe.at("httpGet")
            if get.at("path").unknown and paths:
                report.undecided(get.at("path"), "whether the server answers the probe", template.resource)
            path = get.at("path").get(str)
            if path is not None:
                for finding in check_probe_path(path, paths, label):
                    report.finding(at(finding, f"{probe.path}.{finding.path}"), template.resource)
            report.findings(_port_findings(get.at("port"), ports), template.resource)


def _served(container: Field, template: PodTemplate, declared: Mapping[str, Any]) -> tuple[str, ...]:
    image = container.at("image").get(str) or ""
    for pattern, paths in declared.items():
        if fnmatchcase(image, pattern):
            return tuple(str(path) for path in cast("list[Any]", paths))
    return ENDPOINTS if is_vllm(container) or template.service is not None else ()


def _port_findings(port: Field, ports: Mapping[str, int]) -> Iterator[Finding]:
    value = number(port)
    name = port.get(str) if value is None else None
    if not ports or (value is None and name is None) or value in ports.values() or name in ports:
        return
    listed = ", ".join(f"{n} ({p})" if n != str(p) else str(p) for n, p in sorted(ports.items()))
    if name is None:
        return  # a port need not be declared to be open
    yield Finding(
        path=port.path,
        value=port.value,
        reason=f"the container has no port of that name (it has {listed}), so the probe never succeeds",
        remedy="Write the name or the number of a declared port.",
        rule="port",
    )


HEALTH_AGREEMENT: Final = stack_policy(
    name="health-check-agreement",
    title="Health checks ask for what the server serves",
    description="Path, port and scheme of a HealthCheckPolicy must be those of the server behind its target.",
    remediation="Derive the policy and the probes from one declaration of the server's port, path and scheme.",
    severity=Severity.CRITICAL,
    tags=["gateway", "health"],
    kinds=(*SERVER_KINDS, HEALTH_CHECK_POLICY),
    check=_check,
)

PROBE_PATHS: Final = stack_policy(
    name="probe-paths",
    title="Probes ask for paths the server answers",
    description="A probe on a path the server does not serve keeps its pods out of every Service, or restarts them.",
    remediation="Take the path from the server's routes: vLLM answers /health; for another image, name its paths in servedPaths.",
    severity=Severity.HIGH,
    tags=["health", "kserve"],
    kinds=(*dict.fromkeys((*KINDS, *POD_KINDS, "ConfigMap")),),
    check=_check_probes,
    config={
        "servedPaths": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "Paths that answer GET with 200, by glob over container images.",
        }
    },
)
