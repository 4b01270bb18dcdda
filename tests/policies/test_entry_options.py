"""Every option of the Gateway, its protection and KServe is right in the pack's own eyes."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi_policy import EnforcementLevel

from policies.pack import POLICIES
from tests.committed import committed
from tests.components.recording import build
from tests.policies.harness import Made, run

TOLERATED = {"exemptions-in-use"}
GATEWAY = {"className": "gke-l7-regional-external-managed"}
NAMED = {**GATEWAY, "hostnames": ["models.example.com"], "tls": {"certificateManager": ["one"]}}
PROTECTION: dict[str, Any] = {
    "cloudArmor": {"allowedCidrs": ["10.0.0.0/8"], "requestsPerMinute": 60},
    "iap": {
        "clientId": "12345-abc.apps.googleusercontent.com",
        "clientSecret": {"secret": "iap-client"},
        "members": ["group:users@example.com"],
    },
    "modelArmor": {"template": "strict"},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "pre-shared certificate": {"gateway": {**GATEWAY, "tls": {"preSharedCertificates": ["one"]}}},
    "secret, no redirect": {"gateway": {**GATEWAY, "tls": {"secrets": ["one"], "redirectHttp": False}}},
    "internal, private certificate": {
        "gateway": {
            "className": "gke-l7-rilb",
            "globalAccess": True,
            "hostnames": ["models.example.com"],
            "tls": {"privateAuthority": True, "sslPolicy": "strict"},
        },
        "edge": PROTECTION,
    },
    "protection": {"gateway": NAMED, "edge": PROTECTION},
    "policy of one's own": {"edge": {"securityPolicy": "corporate"}},
    "backend TLS": {"kserve": {"backendTls": True}},
    "managed routes": {
        "gateway": NAMED,
        "kserve": {"managedRoutes": True, "backendTls": True},
        "edge": PROTECTION,
    },
}


@pytest.mark.parametrize("groups", OPTIONS.values(), ids=list(OPTIONS))
def test_no_blocking_finding(groups: dict[str, Any]) -> None:
    """A setting that loads makes a stack that the pack lets through: nothing mandatory is found, nothing is undecided."""
    graph = build({**committed("prod"), **groups}, stack="prod")
    made = [Made(resource.type, resource.name, dict(resource.inputs)) for resource in graph.resources]
    found = [
        message
        for policy in POLICIES
        if policy.name not in TOLERATED and policy.enforcement_level is not EnforcementLevel.ADVISORY
        for message in run(policy, *made).messages
    ]
    assert found == []
