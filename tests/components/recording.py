"""Runs the real program against a recording monitor, without engine, provider or network.

Owns `build`: settings in, the whole graph of resources and the stack's outputs out. The program is run as the language
host runs it, in an event loop and a context of its own, so that nothing of one run is left in the next. A resource's
answer is its inputs plus what Google Cloud would compute; during a preview what Google Cloud computes is unknown, as it is
to the engine. Does not own what is expected of the graph.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import runpy
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi.runtime
from pulumi.runtime.mocks import MockEngine, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import ResourceRegistrationFailed, run_in_stack

from operations.recover import provider_id
from sandbox.home import CHECKOUT
from sandbox.plugin.values import from_struct, to_struct

PROJECT: Final = "gke-tpu-inference"
KEY: Final = f"{PROJECT}:platform"
STACK_TYPE: Final = "pulumi:pulumi:Stack"
EXTERNAL_ADDRESS: Final = "203.0.113.10"
INTERNAL_ADDRESS: Final = "10.0.0.9"
ENDPOINT: Final = "34.118.0.1"
PROJECT_NUMBER: Final = "123456789012"
POD_RANGE: Final = "10.64.0.0/14"
"""Pods' range of every cluster, as GKE reports it."""
DNS_ENDPOINT: Final = "gke-0123456789abcdef.us-east5.gke.goog"
CERTIFICATE: Final = "Y2VydGlmaWNhdGU="

Settings = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One registration, as the engine would have received it."""

    urn: str
    type: str
    name: str
    custom: bool
    inputs: Mapping[str, Any]
    parent: str
    """URN of the parent; the stack's own is empty."""
    dependencies: frozenset[str]
    """URNs it names in `depends_on` or through its inputs."""
    provider: str
    """URN of the provider it names; empty where it would get the default provider."""
    version: str
    """Release of the provider that it asks for."""
    providers: frozenset[str]
    """URNs of the providers that a component hands on to its children."""
    ignore_changes: tuple[str, ...]
    protect: bool
    retain_on_delete: bool
    deleted_with: str
    """URN of the resource whose deletion takes this one with it."""
    import_id: str
    secret_outputs: frozenset[str]
    """Outputs that the state holds encrypted wherever their values come from."""
    create_timeout: str
    """How long its creation may take; empty for as long as the provider thinks."""
    delete_timeout: str
    """How long its deletion may take; empty likewise."""

    @property
    def object_key(self) -> tuple[str, str, str]:
        """Kind, namespace and name of a Kubernetes object."""
        metadata = self.inputs.get("metadata") or {}
        return str(self.inputs.get("kind")), str(metadata.get("namespace", "")), str(metadata.get("name", ""))


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Everything one run of the program registered."""

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any]

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def by_urn(self, urn: str) -> Resource:
        """The resource of that URN."""
        return next(resource for resource in self if resource.urn == urn)

    def of_type(self, kind: str) -> list[Resource]:
        """All resources of that type."""
        return [resource for resource in self if resource.type == kind]

    def one(self, kind: str, name: str | None = None) -> Resource:
        """The one resource of that type, and of that name where there are several."""
        found = [resource for resource in self.of_type(kind) if name in (None, resource.name)]
        assert len(found) == 1, f"{kind} {name}: {[resource.name for resource in self.of_type(kind)]}"
        return found[0]

    @property
    def objects(self) -> list[Resource]:
        """Everything that is created through the Kubernetes provider."""
        return [resource for resource in self if resource.type.startswith("kubernetes:")]

    @property
    def manifests(self) -> list[Resource]:
        """The Kubernetes objects that are written out in the program, which Helm releases are not."""
        return [resource for resource in self.objects if resource.type != "kubernetes:helm.sh/v3:Release"]

    @property
    def google(self) -> list[Resource]:
        """Everything that is created through the Google Cloud provider."""
        return [resource for resource in self if resource.type.startswith("gcp:")]

    def manifests_of(self, kind: str) -> list[Resource]:
        """The objects of one kind."""
        return [resource for resource in self.manifests if resource.inputs["kind"] == kind]

    def waits_for(self, later: Resource, earlier: Resource) -> bool:
        """Whether `later` is created only when `earlier` is there, directly or through others.

        A resource waits for what it depends on, for its provider, and for whatever its component waits for: the SDK asks
        for no child before it has asked for the parent. `asked_for_when_failing` shows that this is so.
        """
        seen: set[str] = set()
        front = {later.urn}
        while front:
            resource = self.by_urn(front.pop())
            seen.add(resource.urn)
            before = {resource.provider, resource.parent, *resource.providers, *resource.dependencies} - {""}
            if earlier.urn in before:
                return True
            front |= before - seen
        return False


class _NoMocks(Mocks):
    """The monitor answers itself; nothing may be asked of Google Cloud or a cluster while the program runs."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        raise AssertionError(f"{args.typ} {args.name} is read, which no preview without credentials can do")

    def call(self, args: Any) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"{args.token} is called, which no preview without credentials can do")


class RecordingMonitor(MockMonitor):
    """Registers every resource in order and answers as the engine does after an update, or during a preview."""

    def __init__(self, google_project: str, *, stack: str, preview: bool, fails: tuple[str, str] | None) -> None:
        super().__init__(_NoMocks())
        self.google_project = google_project
        self.stack = stack
        self.preview = preview
        self.fails = fails
        self.registered: list[Resource] = []
        self.outputs: dict[str, Any] = {}
        self._lock = threading.Lock()

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN as the engine makes it: the types of the parents up to, not with, the stack."""
        above = parent.split("::")[2] if parent else STACK_TYPE
        qualified = type_ if above == STACK_TYPE else f"{above}${type_}"
        return f"urn:pulumi:{self.stack}::{PROJECT}::{qualified}::{name}"

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 - the protocol's name
        """Records a resource and answers with its state."""
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = from_struct(request.object)
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            inputs=inputs,
            parent=request.parent,
            dependencies=frozenset(request.dependencies),
            provider=request.provider.rsplit("::", 1)[0],
            version=request.version,
            providers=frozenset(reference.rsplit("::", 1)[0] for reference in request.providers.values()),
            ignore_changes=tuple(request.ignoreChanges),
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            deleted_with=request.deletedWith,
            import_id=request.importId,
            secret_outputs=frozenset(request.additionalSecretOutputs),
            create_timeout=request.customTimeouts.create,
            delete_timeout=request.customTimeouts.delete,
        )
        with self._lock:
            assert all(other.urn != urn for other in self.registered), f"{urn} is registered twice"
            self.registered.append(resource)
        if (resource.type, resource.name) == self.fails:
            return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if self.preview:
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        state = {**inputs, **computed(resource, self.google_project)}
        identifier = provider_id(resource.type, inputs, self.google_project) or f"{resource.name}-id"
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identifier, object=to_struct(state))

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:  # noqa: N802
        """Keeps the outputs of the stack."""
        if f"::{STACK_TYPE}::" in request.urn:
            self.outputs = from_struct(request.outputs)
        return super().RegisterResourceOutputs(request)


def computed(resource: Resource, project: str) -> dict[str, Any]:
    """What Google Cloud adds to the inputs of a resource, as far as the program uses it."""
    if resource.type == "gcp:serviceaccount/account:Account":
        return {"email": f"{resource.inputs['accountId']}@{project}.iam.gserviceaccount.com"}
    if resource.type == "gcp:projects/serviceIdentity:ServiceIdentity":
        of_gke = resource.inputs["service"] == "container.googleapis.com"
        domain = "container-engine-robot" if of_gke else "gcp-sa-networkactions"
        email = f"service-{PROJECT_NUMBER}@{domain}.iam.gserviceaccount.com"
        return {"email": email, "member": f"serviceAccount:{email}"}
    if resource.type == "gcp:compute/address:Address":
        internal = resource.inputs.get("addressType") == "INTERNAL"
        return {"address": INTERNAL_ADDRESS if internal else EXTERNAL_ADDRESS}
    if resource.type == "gcp:container/cluster:Cluster":
        ways = resource.inputs.get("controlPlaneEndpointsConfig") or {}
        name = {"dnsEndpointConfig": {**(ways.get("dnsEndpointConfig") or {}), "endpoint": DNS_ENDPOINT}}
        return {
            "endpoint": ENDPOINT,
            "clusterIpv4Cidr": POD_RANGE,
            "masterAuth": {"clusterCaCertificate": CERTIFICATE},
            "controlPlaneEndpointsConfig": {**ways, **name},
        }
    return {}


def build(settings: Settings, *, stack: str = "dev", preview: bool = False) -> Graph:
    """The graph that the program registers for `settings`.

    Raises:
        SettingsError: The program refuses the settings.
    """
    return build_config({KEY: json.dumps(settings)}, str(settings.get("project")), stack=stack, preview=preview)


def build_config(config: dict[str, str], google_project: str, *, stack: str = "dev", preview: bool = False) -> Graph:
    """The graph for a whole configuration, its values as the engine hands them over."""
    monitor = RecordingMonitor(google_project, stack=stack, preview=preview, fails=None)
    _run(monitor, config)
    resources = tuple(sorted(monitor.registered, key=lambda resource: resource.urn))
    return Graph(resources=resources, outputs=monitor.outputs)


def asked_for_when_failing(settings: Settings, kind: str, name: str) -> set[str]:
    """URNs of everything the program asks for although one resource, which is among them, cannot be created."""
    monitor = RecordingMonitor(str(settings["project"]), stack="dev", preview=False, fails=(kind, name))
    with suppress(ResourceRegistrationFailed):
        _run(monitor, {KEY: json.dumps(settings)})
    asked = {resource.urn for resource in monitor.registered}
    assert any(urn.endswith(f"{kind}::{name}") for urn in asked), f"{kind} {name} was never asked for"
    return asked


def _run(monitor: RecordingMonitor, config: dict[str, str]) -> None:
    def program() -> None:
        runpy.run_path(str(CHECKOUT / "__main__.py"), run_name="__main__")

    async def run() -> None:
        pulumi.runtime.set_all_config(config)
        pulumi.runtime.configure(
            pulumi.runtime.Settings(
                PROJECT, monitor.stack, monitor=monitor, engine=MockEngine(None), dry_run=monitor.preview
            )
        )
        try:
            await run_in_stack(program)
        finally:
            await _others()

    with asyncio.Runner() as runner:
        if monitor.fails is not None:
            # Outputs of what was not created end in exceptions that nobody asks for.
            runner.get_loop().set_exception_handler(lambda _loop, _context: None)
        runner.run(run(), context=contextvars.Context())


async def _others() -> None:
    """Waits for every task but the caller's: after an exception the SDK leaves those that are still under way."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)
