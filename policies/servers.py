"""Which server stands behind a Service or an InferencePool: declared objects by selector, KServe's by generated names.

Owns the join of backends and pods, indexed once. A backend whose pods are not in the stack has no server here, and nothing
can be said about it. Does not judge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

from policies.pods import PodTemplate, is_vllm, number, pod_templates
from policies.reading import Field
from policies.resources import Name, Resource
from policies.routing import KINDS, Reference, Stack
from rules.gateway import INFERENCE_POOL, INFERENCE_POOL_GROUP
from rules.kserve import POOL_PORT
from rules.server import Server
from rules.vllm import PROBE_PATHS

PROBES: Final = ("startupProbe", "readinessProbe", "livenessProbe")
SERVER_KINDS: Final = (
    *KINDS,
    "Pod",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "LeaderWorkerSet",
    "Service",
    "ConfigMap",
    INFERENCE_POOL,
)

Key = tuple[str, Name, Name]
"""Kind, namespace and name of a backend."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend of the stack with the pods behind it."""

    key: Key
    template: PodTemplate
    ports: tuple[Field, ...]
    """Port fields of a declared Service; empty for what KServe makes."""
    numbers: frozenset[int]
    """Ports that pods are addressed on; empty when not known."""

    @property
    def server(self) -> Server:
        """What is known of the server."""
        container = self.template.server
        label = f"the server of {self.template.resource.label}"
        if container is None:
            return Server(label=label, ports=self.numbers)
        schemes = {probe.at("scheme").get(str) or "HTTP" for probe in http_probes(container)}
        paths = {path for probe in http_probes(container) if (path := probe.at("path").get(str))}
        hidden = any(probe.at("path").unknown or probe.unknown for probe in http_probes(container))
        if is_vllm(container) or self.template.service is not None:
            paths |= set(PROBE_PATHS)
        return Server(
            label=label,
            ports=self.numbers,
            tls=schemes == {"HTTPS"} if len(schemes) == 1 else None,
            paths=frozenset() if hidden else frozenset(paths),
        )


def http_probes(container: Field) -> list[Field]:
    """The `httpGet` of each probe that has one."""
    found = [container.at(name, "httpGet") for name in PROBES]
    return [probe for probe in found if not probe.missing]


def declared_ports(container: Field) -> dict[str, int]:
    """The container's ports, by name where they have one, else by number."""
    ports: dict[str, int] = {}
    for port in container.at("ports").items():
        value = number(port.at("containerPort"))
        if value is not None:
            ports[port.at("name").get(str) or str(value)] = value
    return ports


class Servers:
    """The backends of a stack, by kind, namespace and name."""

    def __init__(self, resources: Iterable[Resource], stack: Stack | None = None) -> None:
        found = list(resources)
        self.stack = stack or Stack(found)
        self.templates = list(pod_templates(found, self.stack))
        self._backends: dict[Key, Backend] = {}
        self._by_label: dict[tuple[Name, str, str], list[PodTemplate]] = {}
        for template in self.templates:
            if template.service is None:
                for key, value in _texts(template.labels).items():
                    self._by_label.setdefault((template.resource.namespace, key, value), []).append(template)
            elif not template.pod.path.startswith("spec.prefill"):
                self._add_generated(template)
        for resource in found:
            if resource.kind == "Service" and resource.group == "" and resource.is_kubernetes:
                self._add_service(resource)
            elif (resource.kind, resource.group) == (INFERENCE_POOL, INFERENCE_POOL_GROUP):
                self._add_pool(resource)

    def behind(self, ref: Reference) -> Backend | None:
        """The backend that a reference certainly means."""
        return self.at(ref.kind, ref.namespace, ref.name) if isinstance(ref.kind, str) else None

    def at(self, kind: str, namespace: Name, name: Name) -> Backend | None:
        """The backend of that kind and name."""
        return self._backends.get((kind, namespace, name))

    def _add_generated(self, template: PodTemplate) -> None:
        service = template.service
        names = None if service is None else service.generated
        if service is None or names is None or template.pod.path.endswith("worker"):
            return
        namespace, numbers = template.resource.namespace, frozenset({POOL_PORT})
        keys: list[Key] = [("Service", namespace, names.workload_service)]
        if not service.scheduler.missing and service.scheduler.at("pool", "ref").missing:
            keys.append((INFERENCE_POOL, namespace, names.inference_pool))
        for key in keys:
            self._backends[key] = Backend(key, template, (), numbers)

    def _add_service(self, resource: Resource) -> None:
        template = self._selected(resource, resource.at("spec", "selector"))
        if template is None:
            return
        ports = tuple(resource.at("spec", "ports").items())
        container = template.server
        named = {} if container is None else declared_ports(container)
        numbers: set[int] = set()
        for port in ports:
            target = port.at("targetPort")
            value = number(port.at("port")) if target.missing else number(target)
            value = named.get(target.get(str) or "", value)
            if value is None:
                numbers.clear()
                break
            numbers.add(value)
        key: Key = ("Service", resource.namespace, resource.name)
        self._backends[key] = Backend(key, template, ports, frozenset(numbers))

    def _add_pool(self, resource: Resource) -> None:
        template = self._selected(resource, resource.at("spec", "selector", "matchLabels"))
        if template is not None:
            ports = [number(port.at("number")) for port in resource.at("spec", "targetPorts").items()]
            known = frozenset(port for port in ports if port is not None) if None not in ports else frozenset[int]()
            key: Key = (INFERENCE_POOL, resource.namespace, resource.name)
            self._backends[key] = Backend(key, template, (), known)

    def _selected(self, resource: Resource, selector: Field) -> PodTemplate | None:
        """The first pod template that a selector takes; the rarest label is looked up, the rest compared."""
        wanted = _texts(selector)
        if not wanted or any(True for _ in selector.unknowns()):
            return None
        lists = [self._by_label.get((resource.namespace, key, value), []) for key, value in wanted.items()]
        for template in min(lists, key=len):
            if wanted.items() <= _texts(template.labels).items():
                return template
        return None


def _texts(field: Field) -> dict[str, str]:
    if not isinstance(field.value, dict):
        return {}
    return {k: v for k, v in cast("dict[str, object]", field.value).items() if isinstance(v, str)}
