"""The engine's side of the provider protocol, small enough for tests: check, then operate, then remember the state."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.plugin.values import Properties, from_struct, to_struct

_SECONDS: Final = 60.0


class InitFailedError(Exception):
    """What the engine takes from an error with the resource's state."""

    def __init__(self, detail: provider_pb2.ErrorResourceInitFailed) -> None:
        super().__init__("\n".join(detail.reasons))
        self.id = detail.id
        self.state = from_struct(detail.properties)


class RefusedByProviderError(Exception):
    """An error that leaves no resource behind."""


@dataclass(frozen=True)
class Resource:
    """A resource as the engine remembers it."""

    urn: str
    token: str
    name: str
    id: str
    inputs: Properties
    state: Properties


@dataclass
class Engine:
    """The engine's side of the protocol, over a real connection."""

    stub: provider_pb2_grpc.ResourceProviderStub

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=_SECONDS)
        except grpc.RpcError as error:
            for key, value in error.trailing_metadata() or ():  # type: ignore[attr-defined]
                if key == "grpc-status-details-bin":
                    detail = provider_pb2.ErrorResourceInitFailed()
                    status_pb2.Status.FromString(value).details[0].Unpack(detail)
                    raise InitFailedError(detail) from error
            raise RefusedByProviderError(error.details()) from error  # type: ignore[attr-defined]

    @staticmethod
    def urn(token: str, name: str) -> str:
        """The URN of a resource of the test's stack."""
        return f"urn:pulumi:test::test::{token}::{name}"

    def check(self, token: str, name: str, news: Properties, olds: Properties | None = None) -> Properties:
        """Checked inputs; raises RefusedByProviderError naming the property."""
        response = self._call(
            self.stub.Check,
            provider_pb2.CheckRequest(
                urn=self.urn(token, name), news=to_struct(news), olds=to_struct(olds or {}), randomSeed=name.encode()
            ),
        )
        if response.failures:
            raise RefusedByProviderError(
                "; ".join(f"{failure.property}: {failure.reason}" for failure in response.failures)
            )
        return from_struct(response.inputs)

    def create(self, token: str, name: str, news: Properties, *, timeout: float = 0, preview: bool = False) -> Resource:
        """Checks and creates."""
        inputs, urn = self.check(token, name, news), self.urn(token, name)
        response = self._call(
            self.stub.Create,
            provider_pb2.CreateRequest(urn=urn, properties=to_struct(inputs), timeout=timeout, preview=preview),
        )
        return Resource(urn, token, name, response.id, inputs, from_struct(response.properties))

    def diff(self, resource: Resource, news: Properties) -> provider_pb2.DiffResponse:
        """Checks new inputs against the remembered ones and compares."""
        inputs = self.check(resource.token, resource.name, news, resource.inputs)
        return self._call(
            self.stub.Diff,
            provider_pb2.DiffRequest(
                id=resource.id,
                urn=resource.urn,
                olds=to_struct(resource.state),
                old_inputs=to_struct(resource.inputs),
                news=to_struct(inputs),
            ),
        )

    def update(self, resource: Resource, news: Properties, *, timeout: float = 0, preview: bool = False) -> Resource:
        """Checks and updates."""
        inputs = self.check(resource.token, resource.name, news, resource.inputs)
        response = self._call(
            self.stub.Update,
            provider_pb2.UpdateRequest(
                id=resource.id,
                urn=resource.urn,
                olds=to_struct(resource.state),
                old_inputs=to_struct(resource.inputs),
                news=to_struct(inputs),
                timeout=timeout,
                preview=preview,
            ),
        )
        return Resource(
            resource.urn, resource.token, resource.name, resource.id, inputs, from_struct(response.properties)
        )

    def delete(self, resource: Resource, *, timeout: float = 0) -> None:
        """Deletes."""
        self._call(
            self.stub.Delete,
            provider_pb2.DeleteRequest(
                id=resource.id, urn=resource.urn, properties=to_struct(resource.state), timeout=timeout
            ),
        )

    def refresh(self, resource: Resource) -> Resource | None:
        """The resource as the cluster has it, None where it is gone."""
        return self._read(resource.token, resource.name, resource.id, resource.state, resource.inputs)

    def imported(self, token: str, name: str, resource_id: str) -> Resource | None:
        """The resource as an import finds it."""
        return self._read(token, name, resource_id, {}, {})

    def _read(self, token: str, name: str, resource_id: str, state: Properties, inputs: Properties) -> Resource | None:
        urn = self.urn(token, name)
        response = self._call(
            self.stub.Read,
            provider_pb2.ReadRequest(id=resource_id, urn=urn, properties=to_struct(state), inputs=to_struct(inputs)),
        )
        if not response.id:
            return None
        return Resource(urn, token, name, response.id, from_struct(response.inputs), from_struct(response.properties))

    def cancel(self) -> None:
        """The user pressed Ctrl-C."""
        self.stub.Cancel(empty_pb2.Empty())


def in_background(action: Callable[[], Any]) -> Callable[[], Any]:
    """Starts `action`; the returned function waits for its result and raises what it raised."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append((action(), None))
        except Exception as error:  # noqa: BLE001 - handed to the caller
            results.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def finish() -> Any:
        thread.join(60)
        assert results, "the operation did not end within 60 s"
        result, error = results[0]
        if error is not None:
            raise error
        return result

    return finish
