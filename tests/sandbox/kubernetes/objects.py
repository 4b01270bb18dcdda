"""Objects that the provider's tests make."""

from __future__ import annotations

from sandbox.plugin.values import Properties

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


NAMESPACE = "kubernetes:core/v1:Namespace"


SERVICE = "kubernetes:core/v1:Service"


CRD = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"


def config_map(namespace: str, name: str = "settings", **data: str) -> Properties:
    """The program's inputs of a ConfigMap."""
    return {"metadata": {"name": name, "namespace": namespace}, "data": data}


def service(namespace: str, *ports: int) -> Properties:
    """The program's inputs of a Service; ports can change in place."""
    entries = [{"name": f"p{port}", "port": port} for port in ports]
    return {"metadata": {"name": "web", "namespace": namespace}, "spec": {"selector": {"a": "b"}, "ports": entries}}


def crd(group: str, kind: str = "Thing") -> Properties:
    """The program's inputs of a CustomResourceDefinition."""
    plural = f"{kind.lower()}s"
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 3}}},
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
