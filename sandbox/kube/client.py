"""Talking to a Kubernetes API server: typed by kind, not by URL, with discovery done behind the scenes.

Owns requests, discovery and the translation of answers into errors. Does not own the kubeconfig format (`kubeconfig`),
nor waiting for anything: callers decide what "ready" means. One `Client` may be used by many threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from .errors import ApiError, KubeconfigError, NoMatchError, UnreachableError
from .kubeconfig import ClientKeyPair, Cluster, read_kubeconfig
from .transport import Transport

__all__ = ["ApiError", "Client", "KubeconfigError", "NoMatchError", "Object", "ResourceKind", "UnreachableError"]

Object = dict[str, Any]
"""A Kubernetes object as JSON."""


@dataclass(frozen=True, kw_only=True)
class ResourceKind:
    """What discovery says about one kind."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The URL path of the collection or, with `name`, of the object."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{scope}/{self.plural}" + (f"/{name}" if name else "")


class Client:
    """A connection pool to one API server. Errors: `ApiError` (`UnreachableError`: no answer), `NoMatchError`."""

    def __init__(
        self,
        server: str,
        *,
        ca_pem: str | None = None,
        token: str | None = None,
        client_cert: tuple[Path, Path] | None = None,
    ) -> None:
        pair = None
        if client_cert is not None:
            pair = ClientKeyPair(certificate=client_cert[0].read_text(), key=client_cert[1].read_text())
        self._connect(Cluster(server=server.rstrip("/"), ca_pem=ca_pem, token=token, key_pair=pair))

    @classmethod
    def from_kubeconfig(cls, kubeconfig: str | Path) -> Client:
        """A client for the current context of `kubeconfig` (YAML or JSON text, or the path of a file).

        Raises:
            KubeconfigError: it cannot be used, and why.
        """
        client = cls.__new__(cls)
        client._connect(read_kubeconfig(kubeconfig))  # noqa: SLF001 - a second constructor
        return client

    def _connect(self, cluster: Cluster) -> None:
        self.server = cluster.server
        self.namespace = cluster.namespace or "default"
        self._transport = Transport(cluster)
        self._lock = threading.Lock()
        self._kinds: dict[str, dict[str, ResourceKind]] = {}

    def close(self) -> None:
        """Drop idle connections."""
        self._transport.close()

    def warn_with(self, report: Callable[[str], None]) -> None:
        """Tells `report` each `Warning` header of an answer, such as the deprecation of an API version."""
        self._transport.on_warning = report

    # -- objects -------------------------------------------------------------------------------------------------------

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object, or None where there is none."""
        try:
            return self.request("GET", self._object_path(api_version, kind, name, namespace))
        except ApiError as error:
            if error.status == 404:
                self._forget_if_kind_is_gone(error, api_version, kind)
                return None
            raise

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[Object]:
        """The objects of `namespace`, or of all namespaces."""
        return self.list_page(
            api_version, kind, namespace, label_selector=label_selector, field_selector=field_selector
        )[0]

    def list_page(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> tuple[list[Object], str]:
        """As `list`, with the resource version from which a `watch` goes on."""
        params = {"labelSelector": label_selector, "fieldSelector": field_selector}
        path = self.kind(api_version, kind).path(namespace)
        try:
            answer = self.request("GET", path, params=_present(params))
        except ApiError as error:
            if error.status == 404:
                self._forget_if_kind_is_gone(error, api_version, kind)
            raise
        items = cast("list[Object]", answer.get("items") or [])
        for item in items:
            item.setdefault("apiVersion", api_version)
            item.setdefault("kind", kind)
        return items, str(answer.get("metadata", {}).get("resourceVersion", ""))

    def create(self, obj: Object, *, strict: bool = True, field_manager: str | None = None) -> Object:
        """Creates `obj`; with `strict`, a field the schema does not know is an error."""
        params = {"fieldManager": field_manager, "fieldValidation": "Strict" if strict else "Warn"}
        return self._write(obj, "POST", self._collection_path(obj), params)

    def apply(
        self, obj: Object, *, field_manager: str, force: bool = False, dry_run: bool = False, strict: bool = True
    ) -> Object:
        """Server-side apply. A field that another manager owns is a Conflict (409) unless `force`."""
        params = {
            "fieldManager": field_manager,
            "force": "true" if force else "false",
            "dryRun": "All" if dry_run else None,
            "fieldValidation": "Strict" if strict else "Warn",
        }
        metadata = obj.get("metadata", {})
        path = self._object_path(obj["apiVersion"], obj["kind"], metadata["name"], metadata.get("namespace"))
        return self.request(
            "PATCH", path, params=_present(params), body=obj, content_type="application/apply-patch+yaml"
        )

    def merge_patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None,
        patch: Object,
        *,
        subresource: str | None = None,
    ) -> Object:
        """JSON merge patch of the object or of its `subresource` ("status", "scale")."""
        path = self._object_path(api_version, kind, name, namespace) + (f"/{subresource}" if subresource else "")
        return self.request("PATCH", path, body=patch, content_type="application/merge-patch+json")

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        propagation: str = "Background",
    ) -> bool:
        """Asks for deletion. False if there was no such object; finalizers may keep it for a while after True."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        try:
            self.request("DELETE", self._object_path(api_version, kind, name, namespace), body=body)
        except ApiError as error:
            if error.status == 404:
                self._forget_if_kind_is_gone(error, api_version, kind)
                return False
            raise
        return True

    def watch(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        resource_version: str | None = None,
        timeout_seconds: int = 300,
        field_selector: str | None = None,
        label_selector: str | None = None,
    ) -> Iterator[tuple[str, Object]]:
        """Events ("ADDED", "MODIFIED", "DELETED") until the server ends the watch after `timeout_seconds`.

        Without `resource_version` it starts with an ADDED event per object that is already there. An ERROR event, such
        as 410 when `resource_version` is too old, is raised as `ApiError`.
        """
        params = _present(
            {
                "watch": "true",
                "timeoutSeconds": str(timeout_seconds),
                "resourceVersion": resource_version,
                "fieldSelector": field_selector,
                "labelSelector": label_selector,
            }
        )
        path = self.kind(api_version, kind).path(namespace)
        for event in self._transport.lines(path, params, timeout_seconds + 15.0):
            obj = cast("Object", event["object"])
            if event["type"] == "ERROR":
                raise ApiError(obj.get("code", 500), obj.get("reason", ""), obj.get("message", ""), obj)
            yield event["type"], obj

    # -- discovery -----------------------------------------------------------------------------------------------------

    def kind(self, api_version: str, kind: str) -> ResourceKind:
        """What the server calls `kind`; asked once per group and version, and again when it is not known.

        Raises:
            NoMatchError: the server has no such kind.
        """
        with self._lock:
            found = self._kinds.get(api_version, {}).get(kind)
        if found is not None:
            return found
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            answer = self.request("GET", root)
        except ApiError as error:
            if error.status == 404:
                raise NoMatchError(api_version, kind) from None
            raise
        kinds = {
            entry["kind"]: ResourceKind(
                api_version=api_version, kind=entry["kind"], plural=entry["name"], namespaced=entry["namespaced"]
            )
            for entry in cast("list[Object]", answer.get("resources") or [])
            if "/" not in entry["name"]
        }
        with self._lock:
            self._kinds[api_version] = kinds
        if kind not in kinds:
            raise NoMatchError(api_version, kind)
        return kinds[kind]

    def _write(
        self,
        obj: Object,
        method: str,
        path: str,
        params: Mapping[str, str | None],
        content_type: str = "application/json",
    ) -> Object:
        try:
            return self.request(method, path, params=_present(params), body=obj, content_type=content_type)
        except ApiError as error:
            if error.status == 404:
                self._forget_if_kind_is_gone(error, obj["apiVersion"], obj["kind"])
            raise

    def _forget_if_kind_is_gone(self, error: ApiError, api_version: str, kind: str) -> None:
        if error.body.get("kind") == "Status" and error.body.get("details", {}).get("name"):
            return
        with self._lock:
            self._kinds.pop(api_version, None)
        self.kind(api_version, kind)

    def _object_path(self, api_version: str, kind: str, name: str, namespace: str | None) -> str:
        return self.kind(api_version, kind).path(namespace or self.namespace, name)

    def _collection_path(self, obj: Object) -> str:
        namespace = obj.get("metadata", {}).get("namespace")
        return self.kind(obj["apiVersion"], obj["kind"]).path(namespace or self.namespace)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float = 30.0,
    ) -> Object:
        """One request; `timeout` in seconds. An answer that is no JSON object comes back as {"text": …}."""
        return self._transport.request(
            method, path, params=params, body=body, content_type=content_type, timeout=timeout
        )


def _present(params: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in params.items() if value is not None}
