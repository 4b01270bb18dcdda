"""The provider's service: one method per call of the engine, handed on to objects or to releases.

Owns the protocol: unpacking requests, ids, previews, and which answer becomes which error. All rules are elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.plugin.values import Properties, from_struct, to_struct

from .checking import AutoName, Failure, Naming
from .configuration import Configuration, check_configuration, diff_configuration
from .diffing import Changes
from .failures import answering
from .object_resource import ObjectResource
from .release_resource import ReleaseResource
from .reporting import EngineLog
from .session import Session
from .tokens import HELM_RELEASE, UnsupportedTypeError, parse_token

VERSION: Final = "4.34.2"
"""The version of pulumi-kubernetes this provider stands in for."""

_KINDS: Final = {
    "add": (provider_pb2.PropertyDiff.ADD, provider_pb2.PropertyDiff.ADD_REPLACE),
    "delete": (provider_pb2.PropertyDiff.DELETE, provider_pb2.PropertyDiff.DELETE_REPLACE),
    "update": (provider_pb2.PropertyDiff.UPDATE, provider_pb2.PropertyDiff.UPDATE_REPLACE),
}


class KubernetesProvider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider instance: one cluster."""

    def __init__(self, *, engine_address: str | None = None) -> None:
        self._session = Session(log=EngineLog(engine_address))

    # -- the provider itself -------------------------------------------------------------------------------------------

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Secrets stay with the engine: it marks outputs that match secret inputs."""
        del context
        if request.engine_address:
            self._session.log = EngineLog(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(supports_autonaming_configuration=True)

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of the provider this one stands in for."""
        del request, context
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """No schema: programs use the official SDK."""
        del request, context
        return provider_pb2.GetSchemaResponse(schema='{"name": "kubernetes"}')

    @answering
    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """A kubeconfig that is known has to be one."""
        del context
        failures = [
            Failure(property=name, reason=reason) for name, reason in check_configuration(from_struct(request.news))
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(failures))

    @answering
    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Another cluster replaces the provider and all that is in it."""
        del context
        olds = from_struct(request.old_inputs if request.HasField("old_inputs") else request.olds)
        return _diff(diff_configuration(olds, from_struct(request.news)))

    @answering
    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Takes the configuration; connects to nothing."""
        del context
        arguments = from_struct(request.args) if request.HasField("args") else _variables(request.variables)
        self._session.configure(Configuration.read(arguments))
        return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Ends open operations."""
        del request, context
        self._session.cancel()
        return empty_pb2.Empty()

    # -- resources -----------------------------------------------------------------------------------------------------

    def _resource(self, request: Any) -> ObjectResource | ReleaseResource:
        token = _token(request)
        if token == HELM_RELEASE:
            return ReleaseResource(self._session)
        parse_token(token)
        return ObjectResource(self._session)

    @answering
    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """Completes and validates inputs."""
        del context
        naming = AutoName(
            logical_name=request.name or request.urn.rpartition("::")[2],
            seed=request.randomSeed,
            proposed=request.autonaming.proposed_name,
            mode=Naming(request.autonaming.mode),
        )
        inputs, failures = self._resource(request).check(
            _token(request), from_struct(request.news), from_struct(request.olds), naming
        )
        return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=_failures(failures))

    @answering
    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compares inputs with inputs; needs no cluster."""
        del context
        return _diff(self._resource(request).diff(from_struct(request.old_inputs), from_struct(request.news)))

    @answering
    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """Makes the resource, or shows what it would be."""
        del context
        resource_id, state = self._resource(request).create(
            request.urn, from_struct(request.properties), request.timeout, preview=request.preview
        )
        return provider_pb2.CreateResponse(id=resource_id, properties=to_struct(state))

    @answering
    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """Changes the resource, or shows what it would become."""
        del context
        state = self._resource(request).update(
            request.urn, from_struct(request.olds), from_struct(request.news), request.timeout, preview=request.preview
        )
        return provider_pb2.UpdateResponse(properties=to_struct(state))

    @answering
    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Deletes the resource."""
        del context
        self._resource(request).delete(request.urn, request.id, from_struct(request.properties), request.timeout)
        return empty_pb2.Empty()

    @answering
    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """Reads the resource for a refresh or an import; an empty id says it is gone."""
        del context
        found = self._resource(request).read(
            _token(request),
            request.urn,
            request.id,
            from_struct(request.properties),
            from_struct(request.inputs),
        )
        if found is None:
            return provider_pb2.ReadResponse()
        resource_id, state, inputs = found
        return provider_pb2.ReadResponse(id=resource_id, properties=to_struct(state), inputs=to_struct(inputs))

    @answering
    def Construct(self, request: provider_pb2.ConstructRequest, context: grpc.ServicerContext) -> Any:
        """Components of the official plugin (Chart v4, ConfigGroup v2, …) are not there."""
        del context
        raise UnsupportedTypeError(
            f"component {request.type} is not supported by the sandbox's bridge; use kubernetes:helm.sh/v3:Release"
        )

    @answering
    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> Any:
        """Functions of the official plugin (helm template, YAML decoding) are not there."""
        del context
        raise UnsupportedTypeError(f"function {request.tok} is not supported by the sandbox's bridge")


def _token(request: Any) -> str:
    # `type` is empty with older engines; the URN ends with …::PARENTS$TYPE::NAME
    return str(request.type or request.urn.split("::")[2].rpartition("$")[2])


def _variables(variables: Mapping[str, str]) -> Properties:
    return {key.rpartition(":")[2]: value for key, value in variables.items()}


def _failures(failures: Iterable[Failure]) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=failure.property, reason=failure.reason) for failure in failures]


def _diff(changes: Changes) -> provider_pb2.DiffResponse:
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changes.paths else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=changes.top_level,
        replaces=sorted(changes.replaces),
        deleteBeforeReplace=changes.delete_before_replace,
        hasDetailedDiff=True,
        detailedDiff={
            path: provider_pb2.PropertyDiff(kind=_KINDS[change][path in changes.replaces], inputDiff=True)
            for path, change in changes.paths.items()
        },
    )
