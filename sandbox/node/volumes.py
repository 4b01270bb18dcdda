"""Secrets and ConfigMaps of a pod: whether all are there, and as files for a local process.

Owns: the `rootfs` directory of a container: the mounts of the pod at their own paths below it. Does not own emptyDirs,
claims and projected tokens: processes get a token through their kubeconfig, and model storage is not simulated.
Refused mounts wait as on a kubelet (FailedMount), they do not fail the pod.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from sandbox.cluster.files import write_private
from sandbox.kube.client import Client

Object = dict[str, Any]

_KINDS = {"secret": ("Secret", "secretName"), "configMap": ("ConfigMap", "name")}


def missing_reference(client: Client, pod: Object) -> str | None:
    """The kubelet's text for the first volume whose Secret or ConfigMap does not exist; None when the pod can start."""
    namespace = pod["metadata"]["namespace"]
    for volume in pod["spec"].get("volumes", []):
        for source, (kind, field) in _KINDS.items():
            reference: Object | None = volume.get(source)
            if reference is None or reference.get("optional") or not reference.get(field):
                continue
            if client.get("v1", kind, reference[field], namespace) is None:
                return (
                    f'MountVolume.SetUp failed for volume "{volume["name"]}" : '
                    f'{kind.lower()} "{reference[field]}" not found'
                )
    return None


def materialise(client: Client, pod: Object, container: Object, rootfs: Path) -> bool:
    """Writes the container's Secret and ConfigMap mounts below `rootfs`; says whether a file changed.

    A file whose key has gone is removed, so that a process never reads what Kubernetes no longer holds. Where the whole object
    has gone nothing changes: a kubelet keeps what it has mounted.
    """
    namespace = pod["metadata"]["namespace"]
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
    changed = False
    for mount in container.get("volumeMounts", []):
        source = _source(volumes.get(mount["name"], {}))
        if source is None:
            continue
        kind, name, items = source
        found = client.get("v1", kind, name, namespace) if name else None
        content = _content(found or {}, items)
        target = rootfs / mount["mountPath"].lstrip("/")
        if mount.get("subPath"):
            if mount["subPath"] in content:
                changed |= _write(target, content[mount["subPath"]])
            continue
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        if found is None:
            continue
        for stale in {path.name for path in target.iterdir() if path.is_file()} - content.keys():
            (target / stale).unlink()
            changed = True
        for name, data in content.items():
            changed |= _write(target / name, data)
    return changed


def _source(volume: Object) -> tuple[str, str, list[Object]] | None:
    """Kind, name and chosen items of what a volume takes its files from; None where it is of another kind."""
    for source, (kind, field) in _KINDS.items():
        reference: Object | None = volume.get(source)
        if reference is not None:
            return kind, str(reference.get(field) or ""), reference.get("items") or []
    return None


def _content(obj: Object, items: list[Object]) -> dict[str, bytes]:
    data = _data(obj)
    return {item["path"]: data[item["key"]] for item in items if item["key"] in data} if items else data


def _data(obj: Object) -> dict[str, bytes]:
    if obj.get("kind") == "Secret":
        return {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
    text = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    return text | {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}


def _write(path: Path, data: bytes) -> bool:
    if path.is_file() and path.read_bytes() == data:
        return False
    write_private(path, data)
    return True
