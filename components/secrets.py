"""Secrets of Secret Manager as Kubernetes Secrets of the models' namespace, written by GKE, seen by nobody else.

Owns the service account that reads them, its right on exactly these secrets, and the objects that tell GKE's secret
synchronisation what to write where. No secret passes through this program, its settings or its state. Does not own the
secrets, nor the pods that refer to them by the names in `rules/secrets.py`; a rotated secret reaches an environment variable
only when its pod starts anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pulumi

from components.google import SecretIamMember
from components.manifests import manifest
from rules import secrets


@dataclass(frozen=True, kw_only=True)
class SyncedSecretArgs:
    """One secret.

    Attributes:
        name: Name of the Kubernetes Secret.
        version: Full name of the secret's version: projects/P/secrets/S/versions/V.
        key: Key in the Kubernetes Secret.
        type: Type of the Kubernetes Secret.
    """

    name: str
    version: str
    key: str
    type: str = secrets.OPAQUE


@dataclass(frozen=True, kw_only=True)
class ModelSecretsArgs:
    """Arguments of ModelSecrets.

    Attributes:
        project: The cluster's project.
        project_number: Its number.
        namespace: The models' namespace.
        secrets: What is written there.
    """

    project: str
    project_number: pulumi.Input[str]
    namespace: str
    secrets: Sequence[SyncedSecretArgs]


class ModelSecrets(pulumi.ComponentResource):
    """The Secrets that models read.

    Attributes:
        synced: What to wait for before a pod refers to a Secret.
    """

    synced: list[pulumi.Resource]

    def __init__(self, name: str, args: ModelSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = {**vars(args), "secrets": [asdict(secret) for secret in args.secrets]}
        super().__init__("platform:index:Secrets", name, props, opts)
        child = pulumi.ResourceOptions(parent=self)
        account = manifest(
            f"{name}-account",
            api_version="v1",
            kind="ServiceAccount",
            name=secrets.SYNC_ACCOUNT,
            namespace=args.namespace,
            fields={"automountServiceAccountToken": False},
            opts=child,
        )
        member = pulumi.Output.from_input(args.project_number).apply(
            lambda number: secrets.account_principal(number, args.project, args.namespace, secrets.SYNC_ACCOUNT)
        )
        self.synced = []
        for secret in args.secrets:
            _, owner, _, identifier, *_ = secret.version.split("/")
            reader = SecretIamMember(
                f"{name}-{secret.name}",
                project=owner,
                secret_id=identifier,
                role=secrets.ACCESSOR_ROLE,
                member=member,
                opts=child,
            )
            source = manifest(
                f"{name}-{secret.name}-source",
                api_version=secrets.PROVIDER_CLASS_API_VERSION,
                kind=secrets.PROVIDER_CLASS,
                name=secret.name,
                namespace=args.namespace,
                spec={
                    "provider": secrets.PROVIDER,
                    "parameters": {"secrets": json.dumps([{"resourceName": secret.version, "path": secret.key}])},
                },
                opts=child,
            )
            sync = manifest(
                f"{name}-{secret.name}-sync",
                api_version=secrets.SYNC_API_VERSION,
                kind=secrets.SYNC,
                name=secret.name,
                namespace=args.namespace,
                spec={
                    "serviceAccountName": secrets.SYNC_ACCOUNT,
                    "secretProviderClassName": secret.name,
                    "secretObject": {
                        "type": secret.type,
                        "data": [{"sourcePath": secret.key, "targetKey": secret.key}],
                    },
                },
                opts=pulumi.ResourceOptions(parent=self, depends_on=[account, reader, source]),
            )
            self.synced.append(sync)
        self.register_outputs({})
