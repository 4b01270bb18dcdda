"""A small engine: takes one resource through the calls the real engine makes, in its order."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import grpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.gcp.client import CloudClient
from sandbox.gcp.provider import Provider
from sandbox.plugin.values import Properties, from_struct, to_struct

PROJECT = "demo-project"
REGION = "us-east5"

TOKENS = {
    "Address": "gcp:compute/address:Address",
    "Firewall": "gcp:compute/firewall:Firewall",
    "Network": "gcp:compute/network:Network",
    "RegionSecurityPolicy": "gcp:compute/regionSecurityPolicy:RegionSecurityPolicy",
    "RegionSslPolicy": "gcp:compute/regionSslPolicy:RegionSslPolicy",
    "ResourcePolicy": "gcp:compute/resourcePolicy:ResourcePolicy",
    "Router": "gcp:compute/router:Router",
    "RouterNat": "gcp:compute/routerNat:RouterNat",
    "Subnetwork": "gcp:compute/subnetwork:Subnetwork",
    "Cluster": "gcp:container/cluster:Cluster",
    "NodePool": "gcp:container/nodePool:NodePool",
    "AlertPolicy": "gcp:monitoring/alertPolicy:AlertPolicy",
    "Dashboard": "gcp:monitoring/dashboard:Dashboard",
    "NotificationChannel": "gcp:monitoring/notificationChannel:NotificationChannel",
    "RepositoryIamMember": "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
    "CryptoKeyIAMMember": "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
    "SecretIamMember": "gcp:secretmanager/secretIamMember:SecretIamMember",
    "WebIamMember": "gcp:iap/webIamMember:WebIamMember",
    "ServiceIdentity": "gcp:projects/serviceIdentity:ServiceIdentity",
    "IAMMember": "gcp:projects/iAMMember:IAMMember",
    "Service": "gcp:projects/service:Service",
    "Account": "gcp:serviceaccount/account:Account",
}


class ProviderError(Exception):
    """The provider ended a call with an error; `made` is what it says exists all the same."""

    def __init__(self, message: str, made: provider_pb2.ErrorResourceInitFailed | None) -> None:
        super().__init__(message)
        self.made = made


class Context:
    """The part of a gRPC context a provider uses."""

    def __init__(self) -> None:
        self._details: bytes | None = None

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        """Keeps the error's details."""
        self._details = dict(metadata).get("grpc-status-details-bin")

    def abort(self, code: grpc.StatusCode, message: str) -> None:
        """Ends the call."""
        assert code is not grpc.StatusCode.OK
        made = None
        if self._details is not None:
            made = provider_pb2.ErrorResourceInitFailed()
            assert status_pb2.Status.FromString(self._details).details[0].Unpack(made)
        raise ProviderError(message, made)


def context() -> grpc.ServicerContext:
    """A fresh context."""
    return cast(grpc.ServicerContext, Context())


@dataclass(kw_only=True)
class Made:
    """A resource in the engine's state."""

    kind: str
    name: str
    id: str
    inputs: Properties
    state: Properties = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class Diff:
    """A provider's answer to Diff."""

    changes: dict[str, str]
    replaces: list[str]
    delete_first: bool


class Engine:
    """One provider instance with the demo project's configuration."""

    def __init__(self, home: Path) -> None:
        self.client = CloudClient(home)
        self.provider = Provider(self.client)
        arguments = to_struct({"project": PROJECT, "region": REGION, "version": "10.2.0"})
        self.provider.Configure(provider_pb2.ConfigureRequest(args=arguments), context())

    @staticmethod
    def urn(kind: str, name: str) -> str:
        """The URN of a resource of this engine's stack."""
        return f"urn:pulumi:dev::demo::platform:index:Platform${TOKENS[kind]}::{name}"

    def check(self, kind: str, name: str, inputs: Properties, old: Made | None = None) -> Properties:
        """Checked inputs; AssertionError with the reasons when they are refused."""
        response = self._check(kind, name, inputs, old)
        assert not response.failures, [failure.reason for failure in response.failures]
        return from_struct(response.inputs)

    def failures(self, kind: str, name: str, inputs: Properties) -> dict[str, str]:
        """Property -> reason of everything Check refuses."""
        return {failure.property: failure.reason for failure in self._check(kind, name, inputs, None).failures}

    def _check(self, kind: str, name: str, inputs: Properties, old: Made | None) -> provider_pb2.CheckResponse:
        request = provider_pb2.CheckRequest(
            urn=self.urn(kind, name),
            olds=to_struct(old.inputs if old else {}),
            news=to_struct(inputs),
            randomSeed=b"\xab\xcd\xef\x01\x23",
        )
        return self.provider.Check(request, context())

    def preview(self, kind: str, name: str, inputs: Properties) -> Properties:
        """The state a creation is previewed with."""
        checked = to_struct(self.check(kind, name, inputs))
        request = provider_pb2.CreateRequest(urn=self.urn(kind, name), properties=checked, preview=True)
        return from_struct(self.provider.Create(request, context()).properties)

    def create(self, kind: str, name: str, inputs: Properties) -> Made:
        """Creates a resource."""
        checked = self.check(kind, name, inputs)
        request = provider_pb2.CreateRequest(urn=self.urn(kind, name), properties=to_struct(checked))
        response = self.provider.Create(request, context())
        return Made(kind=kind, name=name, id=response.id, inputs=checked, state=from_struct(response.properties))

    def diff(self, made: Made, inputs: Properties) -> Diff:
        """What changing the program's inputs would do."""
        request = provider_pb2.DiffRequest(
            id=made.id,
            urn=self.urn(made.kind, made.name),
            olds=to_struct(made.state),
            old_inputs=to_struct(made.inputs),
            news=to_struct(self.check(made.kind, made.name, inputs, made)),
        )
        response = self.provider.Diff(request, context())
        kinds = {path: provider_pb2.PropertyDiff.Kind.Name(diff.kind) for path, diff in response.detailedDiff.items()}
        return Diff(changes=kinds, replaces=list(response.replaces), delete_first=response.deleteBeforeReplace)

    def update(self, made: Made, inputs: Properties, *, preview: bool = False) -> Made:
        """Changes a resource in place."""
        checked = self.check(made.kind, made.name, inputs, made)
        request = provider_pb2.UpdateRequest(
            id=made.id,
            urn=self.urn(made.kind, made.name),
            olds=to_struct(made.state),
            old_inputs=to_struct(made.inputs),
            news=to_struct(checked),
            preview=preview,
        )
        response = self.provider.Update(request, context())
        return Made(kind=made.kind, name=made.name, id=made.id, inputs=checked, state=from_struct(response.properties))

    def read(self, kind: str, name: str, resource_id: str, old: Made | None = None) -> Made | None:
        """Imports a resource, or refreshes `old`; None when it is gone."""
        request = provider_pb2.ReadRequest(
            id=resource_id,
            urn=self.urn(kind, name),
            inputs=to_struct(old.inputs) if old else None,
            properties=to_struct(old.state) if old else None,
        )
        response = self.provider.Read(request, context())
        if not response.id:
            return None
        inputs, state = from_struct(response.inputs), from_struct(response.properties)
        return Made(kind=kind, name=name, id=response.id, inputs=inputs, state=state)

    def delete(self, made: Made) -> None:
        """Deletes a resource."""
        request = provider_pb2.DeleteRequest(
            id=made.id,
            urn=self.urn(made.kind, made.name),
            properties=to_struct(made.state),
            old_inputs=to_struct(made.inputs),
        )
        self.provider.Delete(request, context())
