"""One Kubernetes object as a resource: the engine's operations in terms of checking, diffing, applying and reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.kube.errors import ApiError, KubeconfigError, NoMatchError, UnreachableError
from sandbox.plugin.values import UNKNOWN, Properties, has_unknowns

from . import applying
from .awaiting import NotReadyError, Patience, allowed
from .checking import AutoName, Failure, check_object
from .configuration import NoClusterError
from .diffing import Changes, diff_object
from .failures import InitFailedError
from .objects import (
    INITIAL_API_VERSION,
    TIMEOUT_SECONDS,
    annotation,
    field_manager,
    member,
    object_id,
    split_id,
    to_state,
    with_secrets,
)
from .reading import imported_inputs, refreshed_inputs
from .session import Session
from .tokens import parse_token

_DEFAULT_SECONDS: Final = 600.0
"""As with the official provider."""


@dataclass(frozen=True)
class ObjectResource:
    """All kinds but Helm releases."""

    session: Session

    def check(
        self, token: str, news: Mapping[str, Any], olds: Mapping[str, Any], naming: AutoName
    ) -> tuple[Properties, list[Failure]]:
        """The complete inputs, and what is wrong with them."""
        inputs, failures = check_object(
            token,
            news,
            olds,
            naming,
            default_namespace=self.session.configuration.namespace,
            discover=self._discover,
        )
        return with_secrets(inputs), failures

    def diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Changes:
        """How the inputs differ."""
        return diff_object(olds, news, mutable=self.session.configuration.mutable)

    def create(self, urn: str, inputs: Mapping[str, Any], timeout: float, *, preview: bool) -> tuple[str, Properties]:
        """Id and state of the new object."""
        manager = field_manager(urn, inputs)
        if preview:
            self._preview(inputs, manager, is_new=True)
            metadata = {**(member(inputs, "metadata") or {}), "uid": UNKNOWN, "creationTimestamp": UNKNOWN}
            return "", _state({**inputs, "metadata": metadata}, manager, inputs)
        patience = self._patience(urn, timeout, inputs)
        try:
            live = applying.create(self.session.client, inputs, manager, patience)
        except NotReadyError as error:
            raise _init_failed(error, manager, inputs) from error
        return object_id(live), _state(live, manager, inputs)

    def update(
        self, urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any], timeout: float, *, preview: bool
    ) -> Properties:
        """The state of the changed object."""
        manager = field_manager(urn, inputs, state)
        if preview:
            self._preview(inputs, manager, is_new=False)
            metadata = {**(member(state, "metadata") or {}), **(member(inputs, "metadata") or {})}
            changed = {**inputs, "metadata": metadata}
            if "status" in state:
                changed["status"] = state["status"]
            return _state(changed, manager, state)
        patience = self._patience(urn, timeout, inputs)
        try:
            live = applying.update(self.session.client, inputs, manager, patience)
        except NotReadyError as error:
            raise _init_failed(error, manager, inputs) from error
        except applying.UnavailableError as error:
            if not self.session.configuration.skip_update_unreachable:
                raise
            self.session.log.warning(urn, f"{error}; the update is skipped (skipUpdateUnreachable)")
            return _state(state, manager, state)
        return _state(live, manager, state)

    def delete(self, urn: str, resource_id: str, state: Mapping[str, Any], timeout: float) -> None:
        """Deletes the object and waits until it is gone."""
        patience = self.session.patience(urn, timeout, _seconds(state))
        try:
            applying.delete(self.session.client, state, patience)
        except (applying.UnavailableError, NoClusterError) as error:
            if not self.session.configuration.delete_unreachable:
                hint = "; if the cluster is gone for good, set deleteUnreachable on the provider"
                raise type(error)(f"{error}{hint}") from error
            self.session.log.warning(urn, f"{error}; {resource_id} is only removed from the state (deleteUnreachable)")

    def read(
        self, token: str, urn: str, resource_id: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> tuple[str, Properties, Properties] | None:
        """Id, state and inputs of the object as it is now; None where it is gone."""
        api_version, kind = parse_token(token)
        api_version = str(inputs.get("apiVersion") or state.get("apiVersion") or api_version)
        namespace, name = split_id(resource_id)
        namespace = namespace or member(state, "metadata", "namespace") or self.session.configuration.namespace
        try:
            live = self.session.client.get(api_version, kind, name, namespace)
        except NoMatchError:
            return None
        except UnreachableError as error:
            if not self.session.configuration.delete_unreachable:
                raise
            self.session.log.warning(urn, f"{error}; {resource_id} is taken for gone (deleteUnreachable)")
            return None
        if live is None:
            return None
        manager = field_manager(urn, inputs, state)
        found = refreshed_inputs(inputs, live) if inputs else imported_inputs(live)
        return object_id(live), _state(live, manager, state or found), with_secrets(found)

    def _patience(self, urn: str, timeout: float, inputs: Mapping[str, Any]) -> Patience:
        seconds = allowed(str(inputs.get("kind")), timeout or _seconds(inputs))
        return self.session.patience(urn, seconds, seconds)

    def _discover(self, api_version: str, kind: str) -> bool | None:
        try:
            return self.session.client.kind(api_version, kind).namespaced
        except (ApiError, KubeconfigError, NoClusterError, NoMatchError):
            return None

    def _preview(self, inputs: Mapping[str, Any], manager: str, *, is_new: bool) -> None:
        if has_unknowns(inputs) or not self.session.configuration.kubeconfig:
            return
        applying.preview(self.session.client, inputs, manager, is_new=is_new)


def _state(live: Mapping[str, Any], manager: str, before: Mapping[str, Any]) -> Properties:
    initial = before.get(INITIAL_API_VERSION) or live.get("apiVersion")
    return to_state(live, manager=manager, initial_api_version=str(initial))


def _seconds(inputs: Mapping[str, Any]) -> float:
    given = annotation(inputs, TIMEOUT_SECONDS)
    try:
        return float(given) if given else _DEFAULT_SECONDS
    except ValueError:
        return _DEFAULT_SECONDS


def _init_failed(error: NotReadyError, manager: str, inputs: Mapping[str, Any]) -> InitFailedError:
    return InitFailedError(object_id(error.live), _state(error.live, manager, inputs), error.reasons, inputs)
