"""One odd object does not keep the others waiting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from sandbox.cluster.runtime import ClusterRuntime
from sandbox.gke.addons import AddOns
from sandbox.gke.controllers import GkeControllers
from sandbox.kube.client import ApiError, Client, UnreachableError
from sandbox.node.informer import Informer
from tests.sandbox.gke.objects import Object, condition, gateway, named, route
from tests.sandbox.gke.test_addons import provider, sync
from tests.sandbox.support import SPEC, eventually

GATEWAY_API = "gateway.networking.k8s.io/v1"


class Server:
    """An API server that refuses to write some names, and takes down what it writes."""

    def __init__(self, refusals: Mapping[str, ApiError]) -> None:
        self._refusals = refusals
        self.written: dict[str, Object] = {}

    def create(self, obj: Object) -> Object:
        """Takes everything."""
        return obj

    def get(self, _version: str, kind: str, name: str, namespace: str) -> Object | None:
        """Every ServiceAccount exists."""
        return named(name, namespace, kind=kind)

    def apply(self, obj: Object, **_options: Any) -> Object:
        """Writes an object."""
        return self._write(obj["metadata"]["name"], obj)

    def merge_patch(
        self, _version: str, _kind: str, name: str, _namespace: str, patch: Object, **_options: Any
    ) -> Object:
        """Writes a status."""
        return self._write(name, patch["status"])

    def _write(self, name: str, content: Object) -> Object:
        if name in self._refusals:
            raise self._refusals[name]
        self.written[name] = content
        return content


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Object]]:
    """The objects that every informer finds, by kind; no thread is started."""
    held: dict[str, list[Object]] = {}

    def items(informer: Informer) -> list[Object]:
        return held.get(informer._kind, [])  # pyright: ignore[reportPrivateUsage]

    def get(informer: Informer, namespace: str, name: str) -> Object | None:
        found = (item for item in items(informer) if item["metadata"]["name"] == name)
        return next((item for item in found if item["metadata"]["namespace"] == namespace), None)

    monkeypatch.setattr(Informer, "items", items)
    monkeypatch.setattr(Informer, "get", get)
    monkeypatch.setattr(Informer, "synced", True)
    return held


def stored(obj: Object, kind: str, name: str | None = None) -> Object:
    """An object as the API server hands it out."""
    metadata = {**obj["metadata"], "resourceVersion": "1", "name": name or obj["metadata"]["name"]}
    return {**obj, "apiVersion": "v1", "kind": kind, "metadata": metadata}


def odd_gateway() -> Object:
    """A Gateway that no code of ours is made for."""
    made = stored(gateway(), "Gateway", "a-odd")
    made["spec"] = {"gatewayClassName": "gke-l7-rilb", "listeners": [{"name": "no-protocol"}]}
    return made


def test_a_gateway_that_cannot_be_judged(cluster: dict[str, list[Object]]) -> None:
    """The incident: one Gateway raised in every round, and no other object of the cluster got a status again."""
    cluster["Gateway"] = [odd_gateway(), stored(gateway(), "Gateway")]
    cluster["HTTPRoute"] = [stored(route({"name": "svc", "port": 8000}), "HTTPRoute")]
    server = Server({})
    GkeControllers(cast("Client", server), SPEC).reconcile()
    assert server.written["gw"]["addresses"]
    assert server.written["route"]["parents"]
    assert "a-odd" not in server.written


def test_proxies_and_certificates_are_looked_at_in_every_round(cluster: dict[str, list[Object]]) -> None:
    """Nothing in the cluster changes when the subnet is made; a Secret is one of many that are followed."""
    secure = stored(gateway(), "Gateway")
    tls = {"certificateRefs": [{"name": "edge"}]}
    secure["spec"]["listeners"] = [{"name": "https", "port": 443, "protocol": "HTTPS", "tls": tls}]
    cluster["Gateway"] = [secure]
    subnets: list[str] = []
    server = Server({})
    controllers = GkeControllers(cast("Client", server), SPEC, proxy_subnet=lambda: bool(subnets))

    def said() -> str:
        controllers.reconcile()
        return condition(server.written["gw"]["conditions"], "Programmed")["message"]

    assert "GWCER102: Secret infra/edge not found" in said()
    cluster["Secret"] = [named("edge", "infra", data={"tls.crt": "", "tls.key": ""})]
    assert "proxy-only subnetwork" in said()
    subnets.append("proxies")
    assert said() == ""


@pytest.mark.parametrize(("status", "done"), [(422, True), (500, False)], ids=["refused", "server-error"])
def test_a_status_that_the_api_server_refuses(cluster: dict[str, list[Object]], status: int, done: bool) -> None:
    """The others are written all the same; only what may pass by itself is tried again soon."""
    cluster["Gateway"] = [stored(gateway(), "Gateway", "a-odd"), stored(gateway(), "Gateway")]
    server = Server({"a-odd": ApiError(status, "Invalid", "no")})
    assert GkeControllers(cast("Client", server), SPEC).reconcile() is done
    assert "gw" in server.written


def test_a_secret_that_cannot_be_changed(cluster: dict[str, list[Object]]) -> None:
    """The type of a Secret is immutable: its SecretSync says what the API server said, and the next one gets its Secret."""
    first, second = stored(sync(), "SecretSync", "a-first"), stored(sync(), "SecretSync", "second")
    cluster["SecretSync"] = [first, second]
    cluster["SecretProviderClass"] = [provider()]

    class Typed(Server):
        def apply(self, obj: Object, **_options: Any) -> Object:
            if obj["metadata"]["name"] == "a-first":
                raise ApiError(422, "Invalid", "type: field is immutable")
            return super().apply(obj)

    server = Typed({})
    assert AddOns(cast("Client", server)).reconcile()
    (refused,) = server.written["a-first"]["conditions"]
    assert (refused["status"], refused["message"]) == ("False", "type: field is immutable")
    assert server.written["second"]["conditions"][0]["status"] == "True"


def test_an_api_server_that_is_away_ends_the_round(cluster: dict[str, list[Object]]) -> None:
    """It would let every object wait for its own time limit."""
    cluster["Gateway"] = [stored(gateway(), "Gateway", "a-odd"), stored(gateway(), "Gateway")]
    server = Server({"a-odd": UnreachableError("https://127.0.0.1:1", "refused")})
    with pytest.raises(UnreachableError):
        GkeControllers(cast("Client", server), SPEC).reconcile()
    assert "gw" not in server.written


def test_at_a_real_api_server(running_cluster: ClusterRuntime, namespace: str) -> None:
    """The API server takes an address without a value; the Gateway behind it is programmed, as is the next one."""
    client = running_cluster.client
    for name, addresses in (("a-odd", [{"type": "IPAddress"}]), ("next", [])):
        listeners = [{"name": "http", "port": 80, "protocol": "HTTP"}]
        spec: Object = {"gatewayClassName": "gke-l7-rilb", "listeners": listeners, "addresses": addresses}
        metadata = {"name": name, "namespace": namespace}
        client.create({"apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": metadata, "spec": spec})

    def programmed(name: str) -> bool:
        found = client.get(GATEWAY_API, "Gateway", name, namespace) or {}
        conditions: list[Object] = found.get("status", {}).get("conditions", [])
        return any((item["type"], item["status"]) == ("Programmed", "True") for item in conditions)

    eventually(lambda: programmed("a-odd"), "an address is chosen")
    eventually(lambda: programmed("next"), "the next one is programmed")
