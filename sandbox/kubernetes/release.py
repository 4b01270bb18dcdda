"""A Helm release as a resource: install, upgrade, repair, uninstall, read.

Owns which Helm command follows from the state a release is in. A release that a killed run left half-way is repaired by
the next update: one that was never deployed is uninstalled and installed again, one with an earlier deployed revision is
rolled back to it first. Both are said as warnings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from sandbox.plugin.values import Properties

from .helm import Helm, HelmError, parse_json
from .manifests import resource_names
from .release_inputs import install_arguments, timeout_of, upgrade_arguments, values_files

_NOT_FOUND: Final = "release: not found"
_PENDING_REMEDY: Final = "import it with ResourceOptions(import_={id!r}) and run the update again, or uninstall it"


class ReleaseFailedError(Exception):
    """The release exists, but its last operation failed; `state` is what is there."""

    def __init__(self, message: str, state: Properties) -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True, kw_only=True)
class Releases:
    """The releases of one cluster."""

    helm: Helm

    def create(self, inputs: Mapping[str, Any], custom_timeout: float) -> Properties:
        """The state of the new release.

        Raises:
            HelmError: nothing was made; for instance the name is in use.
            ReleaseFailedError: it was made, but failed.
        """
        name, namespace = str(inputs["name"]), str(inputs["namespace"])
        before = self.status(name, namespace)
        try:
            return self._change(install_arguments, inputs, custom_timeout)
        except HelmError as error:
            after = self.status(name, namespace)
            if before is not None or after is None:
                raise HelmError(_explain(error, before, f"{namespace}/{name}")) from error
            raise ReleaseFailedError(_failure(name, namespace, error), to_state(inputs, after)) from error

    def update(self, inputs: Mapping[str, Any], custom_timeout: float, warn: Callable[[str], None]) -> Properties:
        """The state of the upgraded release, repaired first where a killed run left it half-way.

        Raises:
            HelmError: nothing was changed.
            ReleaseFailedError: the upgrade failed.
        """
        name, namespace = str(inputs["name"]), str(inputs["namespace"])
        seconds = timeout_of(inputs, custom_timeout)
        exists = self._repair(name, namespace, seconds, warn)
        try:
            return self._change(upgrade_arguments if exists else install_arguments, inputs, custom_timeout)
        except HelmError as error:
            after = self.status(name, namespace)
            if after is None:
                raise
            raise ReleaseFailedError(_failure(name, namespace, error), to_state(inputs, after)) from error

    def delete(self, state: Mapping[str, Any], custom_timeout: float) -> None:
        """Uninstalls the release; one that is not there is no error."""
        self._uninstall(
            str(state["name"]),
            str(state["namespace"]),
            timeout_of(state, custom_timeout),
            wait=not state.get("skipAwait"),
            hooks=not state.get("disableWebhooks"),
        )

    def read(self, name: str, namespace: str, inputs: Mapping[str, Any]) -> tuple[Properties, Properties] | None:
        """State and inputs of the release as it is now, None where there is none.

        On refresh (`inputs` are those of the state) values are compared with the ones of the release; on import the
        chart is only its name, because a release does not say where its chart came from.
        """
        release = self.status(name, namespace)
        if release is None:
            return None
        chart = self.metadata(name, namespace)
        release["chart"] = {"metadata": {"name": chart.get("chart"), **chart}}
        now: Properties = {**inputs, "name": name, "namespace": namespace}
        values = cast(Properties, release.get("config") or {})
        if not inputs.get("valueYamlFiles") and (values or inputs.get("values")):
            now["values"] = values
        if not inputs:
            now["chart"] = chart.get("chart")
        if chart.get("version") and ("version" in inputs or not inputs):
            now["version"] = chart["version"]
        return to_state(now, release), now

    def status(self, name: str, namespace: str) -> Properties | None:
        """What `helm status` says, None where there is no release."""
        try:
            return parse_json(self.helm.run(["status", name, "--output", "json"], namespace=namespace))
        except HelmError as error:
            if _NOT_FOUND in str(error):
                return None
            raise

    def metadata(self, name: str, namespace: str) -> Properties:
        """What `helm get metadata` says: chart, version, appVersion, status, revision."""
        return parse_json(self.helm.run(["get", "metadata", name, "--output", "json"], namespace=namespace))

    def _change(
        self,
        arguments: Callable[[Mapping[str, Any], float], list[str]],
        inputs: Mapping[str, Any],
        custom_timeout: float,
    ) -> Properties:
        seconds = timeout_of(inputs, custom_timeout)
        try:
            values = values_files(inputs)
        except (ValueError, OSError) as error:
            raise HelmError(str(error)) from error
        output = self.helm.run(
            arguments(inputs, seconds), namespace=str(inputs["namespace"]), values=values, timeout=seconds
        )
        return to_state(inputs, parse_json(output))

    def _repair(self, name: str, namespace: str, seconds: float, warn: Callable[[str], None]) -> bool:
        """Whether there is a release to upgrade, after repairing it."""
        status = self.status(name, namespace)
        if status is None:
            warn(f"Helm release {namespace}/{name} is gone; installing it again")
            return False
        state = str(cast(Properties, status.get("info") or {}).get("status"))
        if state in {"pending-install", "uninstalling"}:
            warn(f"Helm release {namespace}/{name} was left {state}; uninstalling it before it is installed again")
            self._uninstall(name, namespace, seconds, wait=True, hooks=state != "pending-install")
            return False
        if state in {"pending-upgrade", "pending-rollback"}:
            warn(f"Helm release {namespace}/{name} was left {state}; rolling it back before it is upgraded")
            self.helm.run(
                ["rollback", name, "--wait", "--timeout", f"{int(seconds)}s"], namespace=namespace, timeout=seconds
            )
        return state != "uninstalled"

    def _uninstall(self, name: str, namespace: str, seconds: float, *, wait: bool, hooks: bool) -> None:
        arguments = ["uninstall", name, "--ignore-not-found", "--timeout", f"{max(1, int(seconds))}s"]
        arguments += ["--wait"] if wait else []
        arguments += [] if hooks else ["--no-hooks"]
        self.helm.run(arguments, namespace=namespace, timeout=seconds)


def to_state(inputs: Mapping[str, Any], release: Mapping[str, Any]) -> Properties:
    """The outputs of a release: its inputs, what became of them, and the names of its objects."""
    chart = cast(Properties, cast(Properties, release.get("chart") or {}).get("metadata") or {})
    status = {
        "appVersion": chart.get("appVersion"),
        "chart": chart.get("name"),
        "name": release.get("name"),
        "namespace": release.get("namespace"),
        "revision": release.get("version"),
        "status": cast(Properties, release.get("info") or {}).get("status"),
        "version": chart.get("version"),
    }
    state = {**inputs, "status": {key: value for key, value in status.items() if value is not None}}
    if chart.get("version"):
        state["version"] = chart["version"]
    state["resourceNames"] = resource_names(str(release.get("manifest") or ""))
    return state


def _failure(name: str, namespace: str, error: HelmError) -> str:
    return f"Helm release {namespace}/{name} is there, but failed: {error}. Correct the cause and run the update again"


def _explain(error: HelmError, before: Properties | None, release_id: str) -> str:
    state = cast(Properties, (before or {}).get("info") or {}).get("status")
    if not state:
        return str(error)
    return f"{error}: Helm release {release_id} exists already, {state}; {_PENDING_REMEDY.format(id=release_id)}"
