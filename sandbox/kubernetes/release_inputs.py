"""The inputs of a Helm release: what is checked, what counts as a change, and the command line they become.

Pure, apart from reading a local chart to notice that it was edited. Property names are those of
`pulumi_kubernetes.helm.v3.Release`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from sandbox.plugin.values import Properties, changed_paths, has_unknowns, is_unknown

from .checking import AutoName, Failure
from .diffing import Changes, replacing
from .objects import without_nulls

DEFAULT_TIMEOUT: Final = 300.0
"""Seconds, as with the official provider."""

_NOT_SUPPORTED: Final = ("compat", "keyring", "lint", "postrender", "verify", "manifest")
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"

_BOTH_FLAGS: Final = {
    "atomic": "--atomic",
    "dependencyUpdate": "--dependency-update",
    "devel": "--devel",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "disableWebhooks": "--no-hooks",
    "renderSubchartNotes": "--render-subchart-notes",
    "skipCrds": "--skip-crds",
    "takeOwnership": "--take-ownership",
}
_INSTALL_FLAGS: Final = {"createNamespace": "--create-namespace", "replace": "--replace"}
_UPGRADE_FLAGS: Final = {
    "cleanupOnFail": "--cleanup-on-fail",
    "forceUpdate": "--force",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
}
_REPOSITORY_FLAGS: Final = {"repo": "--repo", "caFile": "--ca-file", "certFile": "--cert-file", "keyFile": "--key-file"}


def check_release(
    news: Mapping[str, Any], olds: Mapping[str, Any], naming: AutoName, *, default_namespace: str = "default"
) -> tuple[Properties, list[Failure]]:
    """The complete inputs of a release, and what is wrong with them. A local chart gets a checksum of its files."""
    inputs: Properties = {key: value for key, value in news.items() if value is not None and key != "compat"}
    if not inputs.get("allowNullValues") and "values" in inputs:
        inputs["values"] = without_nulls(inputs["values"])
    failures = [
        Failure(property=name, reason=f"{name} is not supported by the sandbox's bridge; remove it")
        for name in _NOT_SUPPORTED
        if inputs.get(name)
    ]
    if not inputs.get("name"):
        try:
            inputs["name"] = olds.get("name") or naming.make()
        except ValueError as error:
            failures.append(Failure(property="name", reason=str(error)))
    if not inputs.get("namespace"):
        inputs["namespace"] = default_namespace
    failures += _check_chart(inputs)
    return inputs, failures


def _check_chart(inputs: Properties) -> list[Failure]:
    chart, repository = inputs.get("chart"), inputs.get("repositoryOpts") or {}
    if not chart:
        return [
            Failure(property="chart", reason="chart is missing; give a directory, a .tgz, oci://… or a chart's name")
        ]
    failures: list[Failure] = []
    if isinstance(repository, dict) and cast(Properties, repository).get("password"):
        reason = "a repository password is not supported by the sandbox's bridge; use an oci:// chart or a local one"
        failures.append(Failure(property="repositoryOpts.password", reason=reason))
    if is_unknown(chart) or (isinstance(repository, dict) and cast(Properties, repository).get("repo")):
        return failures
    if (path := Path(str(chart))).exists():
        inputs["checksum"] = checksum(path)
    elif str(chart).startswith((".", "/")):
        reason = f"there is no chart at {chart}; the path is relative to the program's directory {Path.cwd()}"
        failures.append(Failure(property="chart", reason=reason))
    elif "://" not in str(chart):
        reason = f"chart {chart!r} is neither a path nor oci://…; give repositoryOpts.repo, the URL of its repository"
        failures.append(Failure(property="chart", reason=reason))
    return failures


def checksum(chart: Path) -> str:
    """SHA-256 over the names and contents of a local chart's files."""
    digest = hashlib.sha256()
    files = sorted(path for path in chart.rglob("*") if path.is_file()) if chart.is_dir() else [chart]
    for file in files:
        digest.update(f"{file.relative_to(chart)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def diff_release(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Changes:
    """How the inputs of a release differ: another name or namespace is another release, all else an upgrade."""
    paths = changed_paths(dict(olds), dict(news))
    return Changes(paths=paths, replaces=frozenset(replacing(paths, olds, news, ("name", "namespace"))))


def values_files(inputs: Mapping[str, Any]) -> list[str]:
    """The values as YAML texts, in the order in which Helm merges them: files first, `values` last.

    Raises:
        ValueError: a file is an archive or remote, or a value is not known.
    """
    texts: list[str] = []
    for asset in cast(list[Properties], inputs.get("valueYamlFiles") or []):
        if asset.get(_SIGNATURE) != _ASSET or not (asset.get("path") or asset.get("text") is not None):
            raise ValueError("valueYamlFiles takes FileAsset and StringAsset only")
        text = asset.get("text")
        texts.append(str(text) if text else Path(str(asset["path"])).read_text(encoding="utf-8"))
    values = inputs.get("values") or {}
    if has_unknowns(values):
        raise ValueError("values are not known yet")
    if values:
        texts.append(json.dumps(values))
    return texts


def timeout_of(inputs: Mapping[str, Any], custom: float) -> float:
    """Seconds a command may take: `customTimeouts` of the resource, else the release's `timeout`, else 300."""
    return custom or float(inputs.get("timeout") or 0) or DEFAULT_TIMEOUT


def install_arguments(inputs: Mapping[str, Any], seconds: float) -> list[str]:
    """The command line of `helm install`, without namespace and values."""
    return ["install", *_common(inputs, seconds, {**_BOTH_FLAGS, **_INSTALL_FLAGS})]


def upgrade_arguments(inputs: Mapping[str, Any], seconds: float) -> list[str]:
    """The command line of `helm upgrade`, without namespace and values."""
    arguments = ["upgrade", *_common(inputs, seconds, {**_BOTH_FLAGS, **_UPGRADE_FLAGS})]
    if "maxHistory" in inputs:
        arguments += ["--history-max", str(inputs["maxHistory"])]
    return arguments


def _common(inputs: Mapping[str, Any], seconds: float, flags: Mapping[str, str]) -> list[str]:
    repository = cast(Properties, inputs.get("repositoryOpts") or {})
    chart = str(inputs["chart"])
    local = Path(chart).exists() and not repository.get("repo")
    arguments = [str(inputs["name"]), str(Path(chart).resolve()) if local else chart]
    arguments += ["--output", "json", "--timeout", f"{max(1, int(seconds))}s"]
    if inputs.get("version") and not local:
        arguments += ["--version", str(inputs["version"])]
    for name, flag in _REPOSITORY_FLAGS.items():
        if repository.get(name):
            arguments += [flag, str(repository[name])]
    if inputs.get("description"):
        arguments += ["--description", str(inputs["description"])]
    arguments += [flag for name, flag in flags.items() if inputs.get(name)]
    if not inputs.get("skipAwait"):
        arguments.append("--wait")
        if inputs.get("waitForJobs"):
            arguments.append("--wait-for-jobs")
    return arguments
