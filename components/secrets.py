"""Secrets of Secret Manager as Kubernetes Secrets of a namespace, written by GKE, seen by nobody else.

Owns the service account that reads them, its right on exactly these secrets, and the objects that tell GKE's secret
synchronisation what to write where. No secret passes through this program, its settings or its state. Does not own the
secrets, nor the pods that refer to them by the names in `rules/secrets.py`; a rotated secret reaches an environment variable
only when its pod starts anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import pulumi

from components.google import SecretIamMember
from components.manifests import manifest
from rules import secrets

UNTIL_WRITTEN: Final = {"pulumi.com/waitFor": f"jsonpath={secrets.WRITTEN}"}
"""A SecretSync counts as made once GKE has written its Secret: what refers to a Secret that is not there yet fails instead of
waiting, a pod in CreateContainerConfigError and a GCPBackendPolicy with IAP unattached, its backend open to everybody."""


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
class NamespaceSecretsArgs:
    """Arguments of NamespaceSecrets.

    Attributes:
        project: The cluster's project.
        project_number: Its number.
        namespace: The namespace they are written to.
        secrets: What is written there.
    """

    project: str
    project_number: pulumi.Input[str]
    namespace: str
    secrets: Sequence[SyncedSecretArgs]


@dataclass(frozen=True, kw_only=True)
class PullSecretsArgs:
    """Credentials of container registries, for a component that makes a namespace of its own.

    Attributes:
        project: The cluster's project.
        project_number: Its number.
        secrets: What is written to the namespace.
    """

    project: str
    project_number: pulumi.Input[str]
    secrets: Sequence[SyncedSecretArgs]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Kubernetes Secrets, which pods refer to."""
        return tuple(secret.name for secret in self.secrets)


def shown(args: Any) -> dict[str, Any]:
    """A component's arguments as its properties, with its pull secrets by name."""
    pull: PullSecretsArgs | None = args.pull
    return {**vars(args), "pull": list(pull.names) if pull else []}


def pull_secrets(
    args: PullSecretsArgs | None, namespace: str, *, parent: pulumi.Resource, after: pulumi.Resource
) -> list[pulumi.Resource]:
    """Those Secrets in `namespace`, once `after` is there; what to wait for before a pod is pulled with them."""
    if args is None:
        return []
    wanted = NamespaceSecretsArgs(
        project=args.project, project_number=args.project_number, namespace=namespace, secrets=args.secrets
    )
    options = pulumi.ResourceOptions(parent=parent, depends_on=[after])
    return NamespaceSecrets(f"{namespace}-secrets", wanted, options).synced


class NamespaceSecrets(pulumi.ComponentResource):
    """The Secrets that pods of one namespace read.

    Attributes:
        synced: What to wait for before anything refers to a Secret: each is done once its Secret is written.
    """

    synced: list[pulumi.Resource]

    def __init__(self, name: str, args: NamespaceSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
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
            named_like_it = partial(manifest, name=secret.name, namespace=args.namespace)
            source = named_like_it(
                f"{name}-{secret.name}-source",
                api_version=secrets.PROVIDER_CLASS_API_VERSION,
                kind=secrets.PROVIDER_CLASS,
                spec={
                    "provider": secrets.PROVIDER,
                    "parameters": {"secrets": json.dumps([{"resourceName": secret.version, "path": secret.key}])},
                },
                opts=child,
            )
            sync = named_like_it(
                f"{name}-{secret.name}-sync",
                api_version=secrets.SYNC_API_VERSION,
                kind=secrets.SYNC,
                spec={
                    "serviceAccountName": secrets.SYNC_ACCOUNT,
                    "secretProviderClassName": secret.name,
                    "secretObject": {
                        "type": secret.type,
                        "data": [{"sourcePath": secret.key, "targetKey": secret.key}],
                    },
                },
                annotations=UNTIL_WRITTEN,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[account, reader, source]),
            )
            self.synced.append(sync)
        self.register_outputs({})
