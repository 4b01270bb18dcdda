"""The volumes of a model: a shared cache of weights, one of compiled programs, and a Hyperdisk ML disk with weights.

Owns claims and, for an existing disk, its PersistentVolume. Does not own what is in them, nor mounts (model_pod.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.manifests import manifest
from components.settings.model import Model
from rules import weights
from rules.volumes import SKIP_AWAIT


@dataclass(frozen=True, kw_only=True)
class Claims:
    """Names of a model's claims; none for what it does not have.

    Attributes:
        weights: Shared cache of weights.
        compiled: Shared cache of compiled programs.
        disk: Claim of the disk that holds the weights.
    """

    weights: str | None = None
    compiled: str | None = None
    disk: str | None = None


def claims(model: Model) -> Claims:
    """What a model's claims are called, whether they are made here or exist."""
    shared = model.shared_volumes
    return Claims(
        weights=model.claim("weights") if "weights" in shared else None,
        compiled=model.claim("compiled") if "compiled" in shared else None,
        disk=model.claim("disk") if model.weights.disk is not None else None,
    )


def volumes(
    model: Model,
    names: Claims,
    *,
    namespace: str,
    project: str,
    zone: str,
    network: str,
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """The claims that do not exist yet with the class they are made by, and the disk's volume."""
    made: list[pulumi.Resource] = []
    new = {purpose: volume for purpose, volume in model.shared_volumes.items() if volume.claim is None}
    own_class = f"{namespace}-{model.name}-shared"
    if any(volume.storage_class is None for volume in new.values()):
        made.append(
            manifest(
                f"{model.name}-shared-class",
                api_version="storage.k8s.io/v1",
                kind="StorageClass",
                name=own_class,
                fields=weights.filestore_class(network),
                opts=opts,
            )
        )
    for purpose, volume in new.items():
        spec = {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": volume.storage_class or own_class,
            "resources": {"requests": {"storage": volume.size}},
        }
        made.append(_claim(model.claim(purpose), namespace, spec, opts))
    disk = model.weights.disk
    if disk is not None and names.disk is not None:
        handle = weights.disk_handle(project, zone, disk.name)
        volume = manifest(
            f"{names.disk}-volume",
            api_version="v1",
            kind="PersistentVolume",
            name=f"{namespace}-{names.disk}",
            spec=weights.disk_volume(handle, disk.size, zone, namespace, names.disk),
            opts=opts,
        )
        spec = {
            "accessModes": ["ReadOnlyMany"],
            "storageClassName": weights.HYPERDISK_ML_CLASS,
            "volumeName": f"{namespace}-{names.disk}",
            "resources": {"requests": {"storage": disk.size}},
        }
        made += [volume, _claim(names.disk, namespace, spec, opts)]
    return made


def _claim(name: str, namespace: str, spec: Mapping[str, Any], opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    return manifest(
        name,
        api_version="v1",
        kind="PersistentVolumeClaim",
        name=name,
        namespace=namespace,
        spec=spec,
        annotations={SKIP_AWAIT: "true"},
        opts=opts,
    )
