"""The cluster's own certificate authority: a self-signed root, and a ClusterIssuer that signs with it.

Owns the chain and, for a Gateway that wants one, a certificate for its host names. Does not own cert-manager (controllers.py)
nor KServe's certificates: its webhook and each of its services make their own. Keys are RSA 2048: KServe's endpoint picker
reads no other kind, and issuers of ECDSA certificates cost a field report a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from components.manifests import manifest
from rules.kserve import CERT_MANAGER_CHART

API_VERSION: Final = "cert-manager.io/v1"
GROUP: Final = "cert-manager.io"
AUTHORITY: Final = "platform-authority"
"""The ClusterIssuer that other parts of the cluster name."""
ROOT_DURATION: Final = "87600h"
KEY: Final = {"algorithm": "RSA", "size": 2048, "rotationPolicy": "Always"}
UNTIL_READY: Final = {"pulumi.com/waitFor": "condition=Ready"}


@dataclass(frozen=True, kw_only=True)
class CertificateAuthorityArgs:
    """Arguments of CertificateAuthority.

    Attributes:
        owner: What the root's name says; the cluster's name.
    """

    owner: str


class CertificateAuthority(pulumi.ComponentResource):
    """A ClusterIssuer whose root stays inside the cluster."""

    issuer: pulumi.CustomResource

    def __init__(self, name: str, args: CertificateAuthorityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:CertificateAuthority", name, vars(args), opts)
        first = manifest(
            f"{name}-self-signed",
            api_version=API_VERSION,
            kind="ClusterIssuer",
            name="platform-self-signed",
            spec={"selfSigned": {}},
            annotations=UNTIL_READY,
            opts=pulumi.ResourceOptions(parent=self),
        )
        root = manifest(
            f"{name}-root",
            api_version=API_VERSION,
            kind="Certificate",
            name="platform-root",
            # Where cert-manager looks for what a ClusterIssuer names.
            namespace=CERT_MANAGER_CHART.namespace,
            spec={
                "isCA": True,
                "commonName": f"{args.owner} platform root",
                "secretName": "platform-root",
                "duration": ROOT_DURATION,
                # A new key would end the trust of everybody who has the old root.
                "privateKey": {**KEY, "rotationPolicy": "Never"},
                "issuerRef": {"group": GROUP, "kind": "ClusterIssuer", "name": "platform-self-signed"},
            },
            annotations=UNTIL_READY,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[first]),
        )
        self.issuer = manifest(
            name,
            api_version=API_VERSION,
            kind="ClusterIssuer",
            name=AUTHORITY,
            spec={"ca": {"secretName": "platform-root"}},
            annotations=UNTIL_READY,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[root]),
        )
        self.register_outputs({})


def certificate(
    resource: str,
    *,
    name: str,
    namespace: str,
    hostnames: Sequence[str],
    opts: pulumi.ResourceOptions,
) -> pulumi.CustomResource:
    """A serving certificate of the cluster's authority, in a Secret of the same name."""
    spec: dict[str, Any] = {
        "secretName": name,
        "dnsNames": list(hostnames),
        "usages": ["digital signature", "key encipherment", "server auth"],
        "privateKey": KEY,
        "issuerRef": {"group": GROUP, "kind": "ClusterIssuer", "name": AUTHORITY},
    }
    return manifest(
        resource,
        api_version=API_VERSION,
        kind="Certificate",
        name=name,
        namespace=namespace,
        spec=spec,
        annotations=UNTIL_READY,
        opts=opts,
    )
