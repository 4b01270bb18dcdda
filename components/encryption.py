"""Rights on the keys that encrypt what the cluster stores.

Owns the grants to Google's service agents that use the keys. Does not own the keys: a key that is deleted with a stack takes
everything with it that it encrypted.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.google import CryptoKeyIAMMember
from rules import encryption


@dataclass(frozen=True, kw_only=True)
class KeyAccessArgs:
    """Arguments of KeyAccess.

    Attributes:
        gke_agent: Address of GKE's service agent.
        project_number: Number of the project with the cluster.
        secrets_key: Cloud KMS key of Kubernetes Secrets, which GKE uses; None for Google's.
        boot_disk_key: Cloud KMS key of boot disks, which Compute Engine uses; None for Google's.
    """

    gke_agent: pulumi.Input[str]
    project_number: pulumi.Input[str]
    secrets_key: str | None
    boot_disk_key: str | None


class KeyAccess(pulumi.ComponentResource):
    """The grants, before the cluster: GKE refuses a cluster whose key it cannot use."""

    grants: list[CryptoKeyIAMMember]

    def __init__(self, name: str, args: KeyAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:KeyAccess", name, vars(args), opts)
        number = pulumi.Output.from_input(args.project_number)
        users = (
            ("secrets", args.secrets_key, pulumi.Output.from_input(args.gke_agent)),
            ("boot-disks", args.boot_disk_key, number.apply(encryption.compute_agent)),
        )
        self.grants = [
            CryptoKeyIAMMember(
                f"{name}-{purpose}",
                crypto_key_id=key,
                role=encryption.KEY_ROLE,
                member=agent.apply(lambda email: f"serviceAccount:{email}"),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for purpose, key, agent in users
            if key is not None
        ]
        self.register_outputs({})
