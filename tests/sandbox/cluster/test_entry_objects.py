"""Everything that the program writes for the Gateway and its protection is accepted by the API server with GKE's CRDs."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.cluster.runtime import ClusterRuntime
from tests.committed import committed
from tests.components.recording import Resource, build

KINDS = {"Gateway", "HTTPRoute", "GCPGatewayPolicy", "GCPBackendPolicy", "GCPTrafficExtension", "HealthCheckPolicy"}
CERTIFICATES: dict[str, dict[str, Any]] = {
    "certificate manager": {"certificateManager": ["one", "two"]},
    "pre-shared": {"preSharedCertificates": ["one"]},
    "private": {"privateAuthority": True, "redirectHttp": False},
}


def objects(tls: dict[str, Any]) -> list[Resource]:
    """Prod with all protection on, behind an internal Gateway with these certificates."""
    settings = committed("prod")
    settings["gateway"] = {
        "className": "gke-l7-rilb",
        "globalAccess": True,
        "hostnames": ["models.example.com"],
        "tls": tls,
    }
    settings["edge"] = {
        "cloudArmor": {"allowedCidrs": ["10.0.0.0/8"], "requestsPerMinute": 60},
        "iap": {
            "clientId": "12345-abc.apps.googleusercontent.com",
            "clientSecret": {"secret": "iap-client"},
            "members": ["group:inference-users@example.com"],
        },
        "modelArmor": {"template": "strict"},
    }
    settings["kserve"] = {"backendTls": True}
    return [each for each in build(settings, stack="prod").manifests if each.inputs["kind"] in KINDS]


@pytest.mark.parametrize("tls", CERTIFICATES.values(), ids=list(CERTIFICATES))
def test_accepted(running_cluster: ClusterRuntime, namespace: str, tls: dict[str, Any]) -> None:
    """Against the real schemas and their rules: what passes here is not refused by the API server of GKE 1.33."""
    found = objects(tls)
    assert {each.inputs["kind"] for each in found} == KINDS
    for each in found:
        metadata = {"name": each.object_key[2], "namespace": namespace}
        running_cluster.client.apply({**each.inputs, "metadata": metadata}, field_manager="test")
