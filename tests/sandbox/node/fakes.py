"""Stand-ins for what the node agent's parts talk to."""

from __future__ import annotations

from typing import Any, cast

from sandbox.kube.client import Client

Object = dict[str, Any]


class FakeClient:
    """Objects by (kind, namespace, name); only what the tested parts call."""

    def __init__(self, *objects: Object) -> None:
        self.objects = {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in objects}

    def get(self, _api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object or None."""
        return self.objects.get((kind, namespace or "", name))


def client_with(*objects: Object) -> Client:
    """A `FakeClient` where a `Client` is wanted."""
    return cast("Client", FakeClient(*objects))


def pod(**spec: Any) -> Object:
    """A pod with one container `main`, changed by `spec`."""
    return {
        "metadata": {"name": "p", "namespace": "n", "uid": "u-1", "labels": {"app": "x"}},
        "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "i"}], **spec},
    }


def secret(name: str, **data: str) -> Object:
    """A Secret of namespace `n` with base64 `data`."""
    return {"kind": "Secret", "metadata": {"name": name, "namespace": "n"}, "data": data}
