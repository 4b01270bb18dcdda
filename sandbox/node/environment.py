"""The environment and arguments of a container, resolved as a kubelet resolves them.

Owns: `env`, `envFrom`, the downward API and `$(NAME)` references. Does not own images' own defaults: images are never
pulled here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.kube.client import Client

Object = dict[str, Any]

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.\-]*)\)")


class MissingKeyError(Exception):
    """A Secret or ConfigMap key that `env` needs does not exist: CreateContainerConfigError on a kubelet."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """`text` with `$(NAME)` replaced; unknown names stay as they are, `$$` is a single `$`."""

    def replace(match: re.Match[str]) -> str:
        if match.group(0) == "$$":
            return "$"
        return values.get(match.group(1), match.group(0))

    return _REFERENCE.sub(replace, text)


def arguments(container: Object, values: Mapping[str, str]) -> list[str]:
    """The container's `args` with `$(NAME)` replaced."""
    args: Sequence[str] = container.get("args") or []
    return [expand(argument, values) for argument in args]


def resolve(client: Client, pod: Object, container: Object, *, pod_ip: str, host_ip: str) -> dict[str, str]:
    """The container's environment variables.

    Raises:
        MissingKeyError: a required Secret, ConfigMap or key is not there.
    """
    namespace = pod["metadata"]["namespace"]
    values: dict[str, str] = {}
    for source in container.get("envFrom", []):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference: Object | None = source.get(field)
            if reference is not None:
                data = _data(client, kind, namespace, reference) or {}
                values |= {source.get("prefix", "") + key: value for key, value in data.items()}
    for entry in container.get("env", []):
        origin: Object | None = entry.get("valueFrom")
        if origin is None:
            values[entry["name"]] = expand(entry.get("value", ""), values)
            continue
        value = _from(client, pod, container, origin, pod_ip=pod_ip, host_ip=host_ip)
        if value is not None:
            values[entry["name"]] = value
    return values


def _from(client: Client, pod: Object, container: Object, origin: Object, *, pod_ip: str, host_ip: str) -> str | None:
    if "fieldRef" in origin:
        return field_value(pod, origin["fieldRef"]["fieldPath"], pod_ip=pod_ip, host_ip=host_ip)
    if "resourceFieldRef" in origin:
        scope, _, resource = origin["resourceFieldRef"]["resource"].partition(".")
        return str(container.get("resources", {}).get(scope, {}).get(resource, "0"))
    for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        reference: Object | None = origin.get(field)
        if reference is None:
            continue
        data = _data(client, kind, pod["metadata"]["namespace"], reference)
        if data is not None and reference["key"] in data:
            return data[reference["key"]]
        if not reference.get("optional"):
            raise MissingKeyError(f"couldn't find key {reference['key']} in {kind} {reference['name']}")
    return None


def field_value(pod: Object, path: str, *, pod_ip: str, host_ip: str) -> str:
    """The downward API: the value of `path` (`metadata.name`, `metadata.labels['x']`, `status.podIP`, …)."""
    metadata, spec = pod["metadata"], pod["spec"]
    keyed = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if keyed is not None:
        return str(metadata.get(keyed.group(1), {}).get(keyed.group(2), ""))
    fixed = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": pod_ip,
        "status.podIPs": pod_ip,
        "status.hostIP": host_ip,
        "status.hostIPs": host_ip,
    }
    return str(fixed.get(path, ""))


def _data(client: Client, kind: str, namespace: str, reference: Object) -> dict[str, str] | None:
    found = client.get("v1", kind, reference["name"], namespace)
    if found is None:
        if reference.get("optional"):
            return None
        raise MissingKeyError(f'{kind.lower()} "{reference["name"]}" not found')
    data: dict[str, str] = found.get("data") or {}
    if kind == "Secret":
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
    return data
