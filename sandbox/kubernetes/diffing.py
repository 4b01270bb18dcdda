"""Comparing old and new inputs of a resource: what changes, and whether the object has to be replaced.

The fields an API server refuses to change are those of pulumi-kubernetes' `provider/pkg/provider/diff.go`; differences
to it are noted where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from sandbox.plugin.values import Properties, changed_paths, has_unknowns, is_unknown

from .objects import AUTONAMED, annotation, member
from .tokens import api_group

_WORKLOAD: Final = ("spec.selector",)

_JOB_TEMPLATE: Final = ("spec.completions", "spec.parallelism", "spec.selector", "spec.template")

_FORCE_NEW: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "ConfigMap"): ("binaryData", "data", "immutable"),
    ("", "PersistentVolume"): (
        "spec.awsElasticBlockStore",
        "spec.csi",
        "spec.gcePersistentDisk",
        "spec.hostPath",
        "spec.local",
        "spec.nfs",
    ),
    ("", "PersistentVolumeClaim"): ("spec",),
    ("", "Pod"): ("spec",),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Secret"): ("type", "data", "stringData", "immutable"),
    ("", "Service"): ("spec.clusterIP",),
    ("apps", "DaemonSet"): _WORKLOAD,
    ("apps", "Deployment"): _WORKLOAD,
    ("apps", "ReplicaSet"): _WORKLOAD,
    ("apps", "StatefulSet"): (
        "spec.podManagementPolicy",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): _JOB_TEMPLATE,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
}
"""By API group and kind. Beyond the official table: DaemonSet and ReplicaSet selectors and the two last fields of a
StorageClass, which API servers refuse to change as well."""

_MUTABLE: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "PersistentVolumeClaim"): ("spec.resources.requests", "spec.volumeAttributesClassName"),
    ("", "Pod"): ("spec.activeDeadlineSeconds", "spec.tolerations"),
}
"""Fields below a force-new field that can be changed all the same."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The result of a comparison: path → "add", "delete" or "update", and the paths that ask for a replacement."""

    paths: Mapping[str, str]
    replaces: frozenset[str] = frozenset()
    delete_before_replace: bool = False

    @property
    def top_level(self) -> list[str]:
        """The top-level properties that change."""
        return sorted({path.split(".")[0].split("[")[0] for path in self.paths})


@dataclass(frozen=True, kw_only=True)
class Mutability:
    """Which of the kinds that are replaced by default the provider may change in place."""

    config_maps: bool = False
    secrets: bool = False


def diff_object(olds: Mapping[str, Any], news: Mapping[str, Any], *, mutable: Mutability | None = None) -> Changes:
    """How the inputs `news` of an object differ from its inputs `olds`."""
    paths = changed_paths(dict(olds), dict(news))
    if not paths:
        return Changes(paths={})
    forced, spared = force_new(olds, news, mutable or Mutability())
    replaces = replacing(paths, olds, news, forced, spared)
    return Changes(
        paths=paths,
        replaces=frozenset(replaces),
        delete_before_replace=bool(replaces) and annotation(news, AUTONAMED) != "true" and _same_name(olds, news),
    )


def force_new(
    olds: Mapping[str, Any], news: Mapping[str, Any], mutable: Mutability
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths whose change needs a new object, and the exceptions below them."""
    key = (api_group(str(olds.get("apiVersion", news.get("apiVersion", "")))), str(news.get("kind", "")))
    always = ("metadata.name", "metadata.namespace", "kind")
    if api_group(str(olds.get("apiVersion", ""))) != api_group(str(news.get("apiVersion", ""))):
        always = (*always, "apiVersion")
    forced = _FORCE_NEW.get(key, ())
    if not olds.get("immutable"):
        if key == ("", "ConfigMap") and mutable.config_maps:
            forced = ()
        if key == ("", "Secret") and mutable.secrets:
            forced = ("type",)
    if not olds.get("immutable") or news.get("immutable") == olds.get("immutable"):
        forced = tuple(path for path in forced if path != "immutable")  # becoming immutable is an ordinary change
    return (*always, *forced), _MUTABLE.get(key, ())


def replacing(
    paths: Iterable[str],
    olds: Mapping[str, Any],
    news: Mapping[str, Any],
    forced: Iterable[str],
    spared: Iterable[str] = (),
) -> set[str]:
    """Those of the changed `paths` that touch a `forced` field and none of the `spared` ones below it."""
    found: set[str] = set()
    for field in forced:
        keys = field.split(".")
        if _same(member(olds, *keys), member(news, *keys)) or _behind_unknown(news, keys):
            continue
        for path in paths:
            below = _within(path, field) and not any(_within(path, exception) for exception in spared)
            if below or _within(field, path):
                found.add(path)
    return found


def _same(old: Any, new: Any) -> bool:
    return not has_unknowns(new) and old == new


def _behind_unknown(news: Mapping[str, Any], keys: list[str]) -> bool:
    """Whether the field may be there: an object above it is unknown, which says nothing about the field itself."""
    return any(is_unknown(member(news, *keys[:depth])) for depth in range(1, len(keys)))


def _within(path: str, field: str) -> bool:
    return path == field or path.startswith((f"{field}.", f"{field}["))


def _same_name(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    def key(inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        metadata = cast("Properties", inputs.get("metadata") or {})
        return metadata.get("name"), metadata.get("namespace")

    return key(olds) == key(news)
