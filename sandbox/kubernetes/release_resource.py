"""A Helm release in the engine's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.plugin.values import Properties

from .checking import AutoName, Failure
from .diffing import Changes
from .failures import InitFailedError
from .helm import HelmError
from .objects import split_id
from .release import ReleaseFailedError, Releases
from .release_inputs import check_release, diff_release
from .session import Session

_COMPUTED: Final = ("status", "resourceNames")


@dataclass(frozen=True)
class ReleaseResource:
    """`kubernetes:helm.sh/v3:Release`."""

    session: Session

    @property
    def _releases(self) -> Releases:
        return Releases(helm=self.session.helm)

    def check(
        self, _token: str, news: Mapping[str, Any], olds: Mapping[str, Any], naming: AutoName
    ) -> tuple[Properties, list[Failure]]:
        """The complete inputs, and what is wrong with them."""
        return check_release(news, olds, naming, default_namespace=self.session.configuration.namespace)

    def diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Changes:
        """How the inputs differ."""
        return diff_release(olds, news)

    def create(self, urn: str, inputs: Mapping[str, Any], timeout: float, *, preview: bool) -> tuple[str, Properties]:
        """Id and state of the new release. At preview `status` and `resourceNames` are not known."""
        if preview:
            return "", dict(inputs)
        self.session.log.status(urn, f"helm install {inputs['name']}")
        resource_id = f"{inputs['namespace']}/{inputs['name']}"
        try:
            return resource_id, self._releases.create(inputs, timeout)
        except ReleaseFailedError as error:
            raise InitFailedError(resource_id, error.state, [str(error)], inputs) from error

    def update(
        self, urn: str, _state: Mapping[str, Any], inputs: Mapping[str, Any], timeout: float, *, preview: bool
    ) -> Properties:
        """The state of the upgraded release."""
        if preview:
            return dict(inputs)
        self.session.log.status(urn, f"helm upgrade {inputs['name']}")
        try:
            return self._releases.update(inputs, timeout, lambda message: self.session.log.warning(urn, message))
        except ReleaseFailedError as error:
            resource_id = f"{inputs['namespace']}/{inputs['name']}"
            raise InitFailedError(resource_id, error.state, [str(error)], inputs) from error

    def delete(self, urn: str, resource_id: str, state: Mapping[str, Any], timeout: float) -> None:
        """Uninstalls the release."""
        namespace, name = split_id(resource_id)
        self.session.log.status(urn, f"helm uninstall {name}")
        try:
            self._releases.delete({"namespace": namespace or "default", "name": name, **state}, timeout)
        except HelmError as error:
            if "cluster unreachable" not in str(error):
                raise
            if not self.session.configuration.delete_unreachable:
                hint = "if the cluster is gone for good, set deleteUnreachable on the provider"
                raise HelmError(f"{error}; {hint}") from error
            self.session.log.warning(urn, f"{error}; {resource_id} is only removed from the state (deleteUnreachable)")

    def read(
        self, _token: str, _urn: str, resource_id: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> tuple[str, Properties, Properties] | None:
        """Id, state and inputs of the release as it is now; None where it is gone.

        Raises:
            InitFailedError: a refresh finds it half-way; the engine then has the next update repair it.
        """
        namespace, name = split_id(resource_id)
        namespace = namespace or str(state.get("namespace") or self.session.configuration.namespace)
        found = self._releases.read(name, namespace, inputs)
        if found is None:
            return None
        now, release_inputs = found
        resource_id, known = f"{namespace}/{name}", {k: v for k, v in release_inputs.items() if k not in _COMPUTED}
        status = str((now.get("status") or {}).get("status"))
        if inputs and status not in ("deployed", "superseded"):
            raise InitFailedError(resource_id, now, [f"Helm release {resource_id} was left {status}"], known)
        return resource_id, {**now}, known
