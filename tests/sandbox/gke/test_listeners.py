"""Certificates of HTTPS listeners: what keeps a Gateway from being programmed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sandbox.gke import gateways, listeners
from sandbox.gke.model import Snapshot, by_key
from tests.sandbox.gke.objects import NOW, Object, condition, gateway, named, snapshot

CERTIFICATES = "networking.gke.io/cert-manager-certs"
PRE_SHARED = "networking.gke.io/pre-shared-certs"
MAP = {"networking.gke.io/certmap": "map"}
GLOBAL = "gke-l7-global-external-managed"
SECRET: Object = {"name": "edge-tls"}


def https(*, class_name: str = "gke-l7-rilb", annotations: Object | None = None, **tls: Any) -> Object:
    """The Gateway with a second listener, HTTPS with these certificates."""
    made = gateway(class_name)
    made["metadata"]["annotations"] = annotations or {}
    made["spec"]["listeners"].append(
        {"name": "https", "port": 443, "protocol": "HTTPS", **({"tls": tls} if tls else {})}
    )
    return made


def world(gate: Object, *secrets: Object, grants: tuple[Object, ...] = ()) -> Snapshot:
    """A cluster with these Secrets, as they are looked at."""
    held = by_key(listeners.without_values(item) for item in secrets)
    return dataclasses.replace(snapshot(gateways=[gate]), secrets=held, grants=by_key(grants))


def secret(namespace: str = "infra", *keys: str) -> Object:
    """The Secret `edge-tls`."""
    return named("edge-tls", namespace, data=dict.fromkeys(keys or listeners.TLS_KEYS, "x"))


def status(gate: Object, held: Snapshot) -> Object:
    """What GKE says of the Gateway."""
    return gateways.status(gate, held, lambda _name: None, NOW)


@pytest.mark.parametrize(
    "gate",
    [
        https(options={CERTIFICATES: "one,two"}),
        https(options={PRE_SHARED: "one"}),
        https(class_name=GLOBAL, annotations=MAP),
        https(annotations=MAP, options={CERTIFICATES: "one"}),
        https(certificateRefs=[SECRET]),
    ],
    ids=["certificate-manager", "pre-shared", "map", "map-without-effect", "secret"],
)
def test_one_source_of_certificates_is_programmed(gate: Object) -> None:
    """What the guides show, for each kind of certificate."""
    found = status(gate, world(gate, secret()))
    assert condition(found["conditions"], "Programmed")["status"] == "True"
    for listener in found["listeners"]:
        assert {item["type"]: item["status"] for item in listener["conditions"]} == {
            "Accepted": "True",
            "Programmed": "True",
            "ResolvedRefs": "True",
            "Conflicted": "False",
        }


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (https(options={CERTIFICATES: "one"}, certificateRefs=[SECRET]), "GWCER105"),
        (https(class_name=GLOBAL, annotations=MAP, options={CERTIFICATES: "one"}), "GWCER105"),
        (https(), "without a certificate"),
        (https(options={"networking.gke.io/certificates": "typo"}), "without a certificate"),
        (https(annotations=MAP), "certificate maps are for global classes"),
    ],
    ids=["two", "map-and-option", "none", "unknown-option", "map-on-regional"],
)
def test_sources_that_gke_refuses(gate: Object, words: str) -> None:
    """The listener is not accepted, and the Gateway never programmed: not even its plain HTTP listener."""
    found = status(gate, world(gate, secret()))
    programmed = condition(found["conditions"], "Programmed")
    assert (programmed["status"], programmed["reason"]) == ("False", "Invalid")
    assert words in programmed["message"]
    plain, secure = (item["conditions"] for item in found["listeners"])
    assert condition(secure, "Accepted")["status"] == "False"
    assert words in condition(secure, "Accepted")["message"]
    assert condition(plain, "Accepted")["status"] == "True"
    assert condition(plain, "Programmed")["status"] == "False"


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ([], "Error GWCER102: Secret infra/edge-tls not found."),
        ([secret("llm")], "Error GWCER102: Secret infra/edge-tls not found."),
        ([secret("infra", "tls.crt")], "has no tls.key"),
    ],
    ids=["none", "other-namespace", "no-key"],
)
def test_a_secret_that_is_no_certificate(secrets: list[Object], words: str) -> None:
    """The incident: cert-manager needs the HTTP listener to make the Secret, and GKE the Secret to serve any listener."""
    gate = https(certificateRefs=[SECRET])
    found = status(gate, world(gate, *secrets))
    resolved = condition(found["listeners"][1]["conditions"], "ResolvedRefs")
    assert (resolved["status"], resolved["reason"]) == ("False", "InvalidCertificateRef")
    assert words in resolved["message"]
    programmed = condition(found["conditions"], "Programmed")
    assert programmed["message"] == f'failed to translate Gateway "infra/gw": {resolved["message"]}'
    assert found["addresses"] == []


def test_a_secret_that_goes_leaves_what_is_served() -> None:
    """A Gateway that has been programmed goes on with its last configuration, and says that it takes no changes."""
    gate = https(certificateRefs=[SECRET])
    gate["status"] = status(gate, world(gate, secret()))
    address = gate["status"]["addresses"]
    found = status(gate, world(gate))
    assert found["addresses"] == address
    assert condition(found["conditions"], "Programmed")["status"] == "True"
    healthy = condition(found["conditions"], "networking.gke.io/GatewayHealthy")
    assert (healthy["status"], "GWCER102" in healthy["message"]) == ("False", True)
    gate["status"] = found
    healed = status(gate, world(gate, secret()))
    assert condition(healed["conditions"], "networking.gke.io/GatewayHealthy")["status"] == "True"


def test_a_secret_of_another_namespace_needs_a_grant() -> None:
    """A ReferenceGrant beside the Secret, from Gateways of this namespace."""
    gate = https(certificateRefs=[{**SECRET, "namespace": "llm"}])
    resolved = condition(status(gate, world(gate, secret("llm")))["listeners"][1]["conditions"], "ResolvedRefs")
    assert (resolved["status"], resolved["reason"]) == ("False", "RefNotPermitted")
    source: Object = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "infra"}
    grant = named("grant", "llm", spec={"from": [source], "to": [{"group": "", "kind": "Secret"}]})
    held = world(gate, secret("llm"), grants=(grant,))
    assert condition(status(gate, held)["conditions"], "Programmed")["status"] == "True"
    grant["spec"]["from"][0]["kind"] = "HTTPRoute"
    assert condition(status(gate, held)["conditions"], "Programmed")["status"] == "False"


def test_values_of_secrets_are_not_kept() -> None:
    """The controllers follow every Secret of the cluster; they need to know that a key is there, not which."""
    kept = listeners.without_values(named("s", data={"tls.crt": "Y2VydA==", "tls.key": "a2V5", "password": "eA=="}))
    assert kept["data"] == {"tls.crt": "", "tls.key": ""}
