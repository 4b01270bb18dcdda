"""The `gcp` provider plugin: engine calls on one side, the simulated cloud's API on the other.

Holds no state. What a resource type means is in the catalog, what Google Cloud answers is the daemon's; a plugin killed in
the middle of a create leaves an operation that goes on in the cloud, as the official one does.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final, cast

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc
from typing_extensions import override

from sandbox.cloud.errors import CloudError
from sandbox.gcp import outcomes, schema, states
from sandbox.gcp.answers import difference
from sandbox.gcp.catalog import TYPES
from sandbox.gcp.client import CloudClient
from sandbox.gcp.diff import compare
from sandbox.gcp.engine import EngineLog
from sandbox.gcp.errors import (
    CloudAwayError,
    GivenUpError,
    InterruptedRequestError,
    InterruptedWaitError,
    UnreadError,
)
from sandbox.gcp.failures import abort, abort_half_made, worded
from sandbox.gcp.functions import FUNCTIONS
from sandbox.gcp.resource import Defaults, Properties, ResourceType, physical_name
from sandbox.plugin.values import from_struct, to_struct

VERSION: Final = "10.2.0"

_ENVIRONMENT: Final = {
    "project": ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"),
    "region": ("GOOGLE_REGION", "GCLOUD_REGION", "CLOUDSDK_COMPUTE_REGION"),
    "zone": ("GOOGLE_ZONE", "GCLOUD_ZONE", "CLOUDSDK_COMPUTE_ZONE"),
}
"""Where the official plugin looks for what its configuration leaves out."""

_CloudErrors: Final = (CloudError, CloudAwayError)

_RESTLESS: Final = frozenset({"PROVISIONING", "RECONCILING", "STOPPING"})
"""States in which the official plugin waits before it reads or changes a cluster (`containerClusterAwaitRestingState`)."""

Context = grpc.ServicerContext


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The resource provider service."""

    def __init__(self, client: CloudClient | None = None, engine_address: str = "") -> None:
        self._cloud = client or CloudClient()
        self._engine = EngineLog(engine_address)
        self._defaults = Defaults()

    # -- the provider itself

    @override
    def Handshake(self, request: Any, context: Context) -> provider_pb2.ProviderHandshakeResponse:
        """What this plugin understands."""
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=False, accept_resources=False, accept_outputs=False
        )

    @override
    def GetPluginInfo(self, request: Any, context: Context) -> plugin_pb2.PluginInfo:
        """The version of the official plugin this one stands in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    @override
    def GetSchema(self, request: Any, context: Context) -> provider_pb2.GetSchemaResponse:
        """No schema: SDKs are not generated from the stand-in."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": "gcp", "version": VERSION}))

    @override
    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        """Takes the configuration as it is."""
        return provider_pb2.CheckResponse(inputs=request.news)

    @override
    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        """Compares two configurations; none of it makes resources be replaced."""
        same = from_struct(request.old_inputs or request.olds) == from_struct(request.news)
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_NONE if same else provider_pb2.DiffResponse.DIFF_SOME
        )

    @override
    def Configure(self, request: provider_pb2.ConfigureRequest, context: Context) -> provider_pb2.ConfigureResponse:
        """Takes project, region, zone and default labels."""
        arguments = from_struct(request.args)
        for key, value in request.variables.items():
            arguments.setdefault(key.rsplit(":", 1)[-1], value)
        found = {name: str(arguments.get(name) or _first(variables)) for name, variables in _ENVIRONMENT.items()}
        labels = arguments.get("defaultLabels") or {}
        labels = json.loads(labels) if isinstance(labels, str) else labels
        self._defaults = Defaults(
            project=found["project"], region=found["region"], zone=found["zone"], labels=cast(dict[str, str], labels)
        )
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True, acceptResources=False)

    @override
    def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> provider_pb2.InvokeResponse:
        """Calls a provider function."""
        function = FUNCTIONS.get(request.tok)
        if function is None:
            abort(context, f"the sandbox does not simulate the function {request.tok}. It has {', '.join(FUNCTIONS)}")
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(function(from_struct(request.args), self._defaults)))
        return response

    @override
    def Cancel(self, request: Any, context: Context) -> empty_pb2.Empty:
        """Gives up waiting; what was begun goes on in the cloud."""
        self._cloud.cancelled.set()
        return empty_pb2.Empty()

    # -- resources

    @override
    def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        """Validates inputs, writes in defaults and a name."""
        kind = _kind(request.urn, context)
        old, inputs = from_struct(request.olds), from_struct(request.news)
        inputs = {key: value for key, value in inputs.items() if value is not None and key != "__defaults"}
        failures = schema.check(kind, request.urn, inputs)
        if failures:
            wire = [provider_pb2.CheckFailure(property=f.property, reason=f.reason) for f in failures]
            return provider_pb2.CheckResponse(inputs=request.news, failures=wire)
        defaulted: list[str] = []
        for name, value in kind.defaults.items():
            if name not in inputs:
                inputs[name] = value
                defaulted.append(name)
        if kind.autoname and not inputs.get("name") and not inputs.get("namePrefix"):
            kept = old.get("name") if "name" in cast(list[str], old.get("__defaults") or []) else None
            inputs["name"] = kept or physical_name(request.urn, request.randomSeed)
            defaulted.append("name")
        inputs["__defaults"] = sorted(defaulted)
        return provider_pb2.CheckResponse(inputs=to_struct(inputs))

    @override
    def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        """Compares old and new inputs."""
        kind = _kind(request.urn, context)
        state, inputs = from_struct(request.olds), from_struct(request.news)
        old = from_struct(request.old_inputs) or state
        return difference(compare(kind, old, state, inputs))

    @override
    def Create(self, request: provider_pb2.CreateRequest, context: Context) -> provider_pb2.CreateResponse:
        """Creates a resource, or says what it would be like."""
        kind = _kind(request.urn, context)
        inputs = from_struct(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=to_struct(states.planned(kind, inputs, self._defaults)))
        wanted, resource_id = self._identity(kind, inputs, context)
        try:
            # A key's name says whose it is; its API is asked for where the provider's project is billed.
            project = str(wanted.get("project") or self._defaults.project)
            report = self._engine.reporter(request.urn)
            record = self._cloud.create(kind.kind, resource_id, project, wanted, report, request.timeout)
            failure = outcomes.complaint(record)
        except (InterruptedWaitError, UnreadError) as error:
            abort_half_made(context, error.resource_id, wanted, inputs, worded(kind, "Create", resource_id, error))
        except (InterruptedRequestError, *_CloudErrors) as error:
            failure = worded(kind, "Create", resource_id, error)
            left = outcomes.left_behind(self._cloud, kind.kind, resource_id, error)
            if left is None:
                abort(context, failure)
            record, failure = left, outcomes.after_waiting(left, failure)
        state = states.state_of(kind, record, self._defaults)
        if failure is not None:
            abort_half_made(context, record["id"], state, inputs, failure)
        return provider_pb2.CreateResponse(id=record["id"], properties=to_struct(state))

    @override
    def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:
        """Reads a resource, for a refresh or an import."""
        kind = _kind(request.urn, context)
        identity = kind.parse_id(request.id, self._defaults)
        if identity is None:
            forms = ", ".join((kind.id, *kind.imports))
            abort(context, f'Import id "{request.id}" doesn\'t match any of the accepted formats: {forms}')
        resource_id = kind.resource_id(identity)
        try:
            record = self._cloud.get(kind.kind, resource_id)
            if record is not None and record["status"] in _RESTLESS:
                self._cloud.settle(kind.kind, resource_id, self._engine.reporter(request.urn))
                record = self._cloud.get(kind.kind, resource_id)
        except (*_CloudErrors, GivenUpError) as error:
            abort(context, worded(kind, "Read", resource_id, error))
        if record is None:
            return provider_pb2.ReadResponse()
        state = states.state_of(kind, record, self._defaults)
        inputs = states.inputs_of(kind, record, state, from_struct(request.inputs))
        if record["status"] in outcomes.BROKEN and request.HasField("inputs"):
            # A refresh that said no more would end the repair that a half-made resource is due at the next update.
            abort_half_made(context, resource_id, state, inputs, record["error"] or f"{resource_id} is in state ERROR")
        return provider_pb2.ReadResponse(id=resource_id, properties=to_struct(state), inputs=to_struct(inputs))

    @override
    def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> provider_pb2.UpdateResponse:
        """Changes a resource in place, or says what it would be like."""
        kind = _kind(request.urn, context)
        state, inputs = from_struct(request.olds), from_struct(request.news)
        if request.preview:
            old = from_struct(request.old_inputs)
            plan = states.planned_update(kind, state, old, inputs, self._defaults)
            return provider_pb2.UpdateResponse(properties=to_struct(plan))
        wanted = {k: v for k, v in kind.complete(inputs, self._defaults).items() if not k.startswith("__")}
        left_to_the_cloud = kind.computed & from_struct(request.old_inputs).keys() & state.keys() - wanted.keys()
        wanted.update({name: state[name] for name in left_to_the_cloud})
        report = self._engine.reporter(request.urn)
        begun = False
        try:
            self._cloud.settle(kind.kind, request.id, report, "update", request.timeout)
            begun = True
            record = self._cloud.update(kind.kind, request.id, wanted, report, request.timeout)
        except (GivenUpError, UnreadError, *_CloudErrors) as error:
            failure = worded(kind, "Update", request.id, error)
            if begun and outcomes.may_have_changed(error):
                abort_half_made(context, request.id, state, inputs, failure)
            abort(context, failure)
        state = states.state_of(kind, record, self._defaults)
        if complaint := outcomes.complaint(record):
            abort_half_made(context, request.id, state, inputs, complaint)
        return provider_pb2.UpdateResponse(properties=to_struct(state))

    @override
    def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        """Deletes a resource; one that is gone already is fine."""
        kind = _kind(request.urn, context)
        state = from_struct(request.properties)
        if state.get("deletionProtection") and kind.kind == "container.clusters":
            abort(
                context,
                "1 error occurred:\n\t* Cannot destroy cluster because deletion_protection is set to true. "
                "Set it to false to proceed with cluster deletion.\n\n",
            )
        if state.get("deletionPolicy") == "PREVENT":
            abort(
                context,
                f'1 error occurred:\n\t* cannot destroy {kind.noun} {request.id}: deletion_policy is set to "PREVENT". '
                'Set it to "DELETE" to proceed.\n\n',
            )
        if state.get("deletionPolicy") != "ABANDON":
            try:
                report = self._engine.reporter(request.urn)
                self._cloud.settle(kind.kind, request.id, report, "delete", request.timeout)
                self._cloud.delete(kind.kind, request.id, report, request.timeout)
            except (*_CloudErrors, GivenUpError) as error:
                abort(context, worded(kind, "Delete", request.id, error))
        return empty_pb2.Empty()

    def _identity(self, kind: ResourceType, inputs: Properties, context: Context) -> tuple[Properties, str]:
        """The complete properties of a resource and its id."""
        wanted = {k: v for k, v in kind.complete(inputs, self._defaults).items() if not k.startswith("__")}
        try:
            return wanted, kind.resource_id(wanted)
        except ValueError as error:
            abort(
                context, f"{error}. Set it on the resource or in the provider's configuration (gcp:project, gcp:region)"
            )


def _kind(urn: str, context: Context) -> ResourceType:
    token = urn.split("::")[2].rsplit("$", 1)[-1]
    kind = TYPES.get(token)
    if kind is None:
        abort(context, f"the sandbox does not simulate {token}. It simulates {', '.join(TYPES)}")
    return kind


def _first(variables: tuple[str, ...]) -> str:
    return next((os.environ[name] for name in variables if os.environ.get(name)), "")
