"""One object that cannot be had must not take certificates away from all others."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.certificates.controller import IssuerWorkload
from sandbox.certificates.injector import CaInjectorWorkload
from sandbox.certificates.resident import Resident
from sandbox.kube.client import ApiError, Client
from sandbox.node.informer import Informer
from tests.sandbox.support import eventually, patient

Object = dict[str, Any]

ISSUER: Object = {
    "kind": "Issuer",
    "metadata": {"name": "self", "namespace": "n"},
    "spec": {"selfSigned": {}},
}


def certificate(name: str, **spec: Any) -> Object:
    """A Certificate of the issuer."""
    wanted = {
        "secretName": name,
        "dnsNames": [f"{name}.n.svc"],
        "issuerRef": {"name": "self"},
        "privateKey": {"algorithm": "ECDSA"},
        **spec,
    }
    return {"kind": "Certificate", "metadata": {"name": name, "namespace": "n"}, "spec": wanted}


class Copy:
    """What an informer knows."""

    def __init__(self, *objects: Object) -> None:
        self.synced = True
        self._objects = objects

    def items(self) -> list[Object]:
        """All of them."""
        return list(self._objects)

    def get(self, namespace: str, name: str) -> Object | None:
        """One of them."""
        held = ((found["metadata"].get("namespace"), found["metadata"]["name"], found) for found in self._objects)
        return next((found for where, called, found in held if (where, called) == (namespace, name)), None)

    def start(self) -> None:
        """It knows everything already."""

    def stop(self) -> None:
        """Nothing runs."""


class Api:
    """Keeps what is written; refuses writes for the names in `refused`, with `status`."""

    def __init__(self, *refused: str, status: int = 422) -> None:
        self.refused = refused
        self._status = status
        self.applied: list[str] = []
        self.statuses: dict[str, Object] = {}
        self.patched: list[str] = []

    def get(self, *_place: str) -> Object | None:
        """There is nothing yet."""
        return None

    def apply(self, obj: Object, **_more: object) -> Object:
        """Keeps a Secret's name."""
        self._check(obj["metadata"]["name"])
        self.applied.append(obj["metadata"]["name"])
        return obj

    def merge_patch(
        self, _version: str, _kind: str, name: str, _namespace: str | None, patch: Object, **_more: object
    ) -> None:
        """Keeps the status or that there was a patch."""
        self._check(name)
        if "status" in patch:
            self.statuses[name] = copy.deepcopy(patch["status"])
        else:
            self.patched.append(name)

    def _check(self, name: str) -> None:
        if name in self.refused:
            raise ApiError(self._status, "Invalid", f"{name} is invalid")


def issuer_of(api: Api, log: Path, *objects: Object) -> IssuerWorkload:
    """The controller over these Certificates and one self-signed issuer."""
    made = IssuerWorkload(cast("Client", api), [], log=log, on_change=lambda: None)
    parts: dict[str, Any] = {
        "_issuers": Copy(ISSUER),
        "_cluster_issuers": Copy(),
        "_certificates": Copy(*objects),
        "_secrets": Copy(),
    }
    for name, value in parts.items():
        setattr(made, name, value)
    return made


def ready(api: Api, name: str) -> Object:
    """The Ready condition of a Certificate."""
    (found,) = api.statuses[name]["conditions"]
    return found


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"commonName": "x" * 65}, "64"),
        ({"privateKey": {"algorithm": "RSA", "size": 7}}, "spec"),
        ({"dnsNames": ["ä.example"]}, "spec"),
    ],
    ids=["long-common-name", "tiny-key", "not-ascii"],
)
def test_impossible_certificate_says_so_and_the_next_is_issued(tmp_path: Path, spec: Object, says: str) -> None:
    """A common name of 65 characters once stopped issuing for the whole cluster, KServe's webhook included."""
    api = Api()
    issuer_of(api, tmp_path / "log", certificate("odd", **spec), certificate("good")).reconcile()
    assert api.applied == ["good"]
    odd = ready(api, "odd")
    assert (odd["status"], odd["reason"]) == ("False", "Failed")
    assert says in odd["message"]
    assert ready(api, "good")["status"] == "True"


def test_refused_secret_holds_nothing_up_and_is_tried_again(tmp_path: Path) -> None:
    """A webhook that does not answer, for one Secret: logged once, and the others get theirs in the same round."""
    api, log = Api("odd", status=500), tmp_path / "log"
    made = issuer_of(api, log, certificate("odd"), certificate("good"))
    made.reconcile()
    assert api.applied == ["good"]
    assert "Certificate/n/odd: " in log.read_text()
    assert made.until_next() == 1.0, "soon"
    made.reconcile()
    assert made.until_next() == 2.0, "ever later"
    assert log.read_text().count("Certificate/n/odd") == 1
    api.refused = ()
    made.reconcile()
    assert made.until_next() == 30.0
    assert "odd" in api.applied


def test_what_does_not_pass_by_itself_is_not_tried_again_soon(tmp_path: Path) -> None:
    """422 for one Secret, 403 in a namespace that ends: a key for each attempt would be made for nothing."""
    api = Api("odd")
    made = issuer_of(api, tmp_path / "log", certificate("odd"), certificate("good"))
    made.reconcile()
    assert api.applied == ["good"]
    assert made.until_next() == 30.0


def test_one_that_is_gone_meanwhile_is_no_news(tmp_path: Path) -> None:
    """Its status cannot be written any more, which is no complaint."""
    api, log = Api("gone", status=404), tmp_path / "log"
    unissued = certificate("gone", issuerRef={"name": "not-there"})
    issuer_of(api, log, unissued, certificate("good")).reconcile()
    assert api.applied == ["good"]
    assert "gone" not in log.read_text()


def test_refused_injection_holds_nothing_up(tmp_path: Path) -> None:
    """Webhook configurations after the refused one get their authority."""
    api = Api("odd", status=500)
    made = CaInjectorWorkload(cast("Client", api), log=tmp_path / "log", on_change=lambda: None)
    annotations = {
        "cert-manager.io/inject-ca-from-secret": "n/ca",
    }
    targets = [
        {
            "kind": "APIService",
            "apiVersion": "apiregistration.k8s.io/v1",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {},
        }
        for name in ("odd", "good")
    ]
    allowed = {"cert-manager.io/allow-direct-injection": "true"}
    secret = {"metadata": {"name": "ca", "namespace": "n", "annotations": allowed}, "data": {"ca.crt": "Y2E="}}
    parts: dict[str, Any] = {"_targets": [Copy(*targets)], "_certificates": Copy(), "_secrets": Copy(secret)}
    for name, value in parts.items():
        setattr(made, name, value)
    made.reconcile()
    assert api.patched == ["good"]
    assert made.until_next() == 1.0


def test_a_webhook_does_not_wait_for_the_crds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The incident: while a CRD of two megabytes was patched for seconds, the next chart met webhooks without an authority."""
    group, kind = "apiextensions.k8s.io/v1", "CustomResourceDefinition"
    annotations = {"cert-manager.io/inject-ca-from-secret": "n/ca"}
    large = {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": "large", "annotations": annotations},
        "spec": {"conversion": {"strategy": "Webhook"}},
    }
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "hook", "annotations": annotations, "resourceVersion": "1"},
        "webhooks": [{"name": "x", "clientConfig": {}}],
    }
    allowed = {"cert-manager.io/allow-direct-injection": "true"}
    secret = {"metadata": {"name": "ca", "namespace": "n", "annotations": allowed}, "data": {"ca.crt": "Y2E="}}
    held: dict[str, list[Object]] = {kind: [large]}

    def items(informer: Informer) -> list[Object]:
        return held.get(informer._kind, [])  # pyright: ignore[reportPrivateUsage]

    def get(_informer: Informer, _namespace: str, _name: str) -> Object:
        return secret

    def nothing(_informer: Informer) -> None:
        """No thread is started."""

    for name, value in {"items": items, "get": get, "start": nothing, "stop": nothing, "synced": True}.items():
        monkeypatch.setattr(Informer, name, value)
    reached, released = threading.Event(), threading.Event()

    class Slow(Api):
        def merge_patch(
            self, _version: str, _kind: str, name: str, _namespace: str | None, patch: Object, **_more: object
        ) -> None:
            if name == "large":
                reached.set()
                assert released.wait(60)
            super().merge_patch(_version, _kind, name, _namespace, patch)

    api = Slow()
    made = CaInjectorWorkload(cast("Client", api), log=tmp_path / "log", on_change=lambda: None)
    made.start()
    try:
        assert reached.wait(patient(20))
        held["ValidatingWebhookConfiguration"] = [hook]
        made.wake()
        eventually(lambda: "hook" in api.patched, "the webhook has its authority")
        assert "large" not in api.patched
        released.set()
        eventually(lambda: "large" in api.patched, "then the CRD")
    finally:
        released.set()
        made.signal_stop()
        eventually(lambda: made.stopped, "it ends")


class Odd(Resident):
    """Fails in its first round in a way nobody has thought of."""

    def __init__(self, log: Path) -> None:
        super().__init__("odd", log=log, on_change=lambda: None)
        self.rounds = 0
        self.again = threading.Event()

    def reconcile(self) -> None:
        """Fails once."""
        self.rounds += 1
        if self.rounds == 1:
            raise KeyError("spec")
        self.again.set()


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Odd]:
    """Started, and ended by the fixture."""
    made = Odd(tmp_path / "log")
    made.start()
    yield made
    made.signal_stop()
    eventually(lambda: made.stopped, "it ends")


def test_unexpected_failure_ends_no_part(odd: Odd, tmp_path: Path) -> None:
    """The thread goes on: a part that has silently ended would stay Ready and do nothing."""
    odd.wake()
    assert odd.again.wait(20)
    assert "KeyError: 'spec'; trying again" in (tmp_path / "log").read_text()
