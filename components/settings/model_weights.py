"""Where a model's weights come from, and what is kept of them and of compiled programs between two starts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from components.settings.base import DnsLabel, Section
from components.settings.checks import findings, refuse
from rules import image, kserve, weights

Size = Annotated[str, Field(pattern=r"^[1-9][0-9]*(Gi|Ti)$")]
"""Size of a volume as Kubernetes writes it: 512Gi or 1Ti."""
StorageClass = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]

_HUGGING_FACE: Final = re.compile(r"hf://[\w.-]+/[\w.-]+(:[\w./-]+)?", re.ASCII)


def check_uri(value: str) -> str:
    """A place that KServe loads weights from."""
    findings(kserve.check_model_uri(value), "")
    if value.startswith(kserve.IMAGE_SCHEME):
        findings(replace(each, value=value) for each in image.check_pinned(value.removeprefix(kserve.IMAGE_SCHEME), ""))
    return value


class SharedVolume(Section):
    """A volume that all servers of a model write to together."""

    claim: DnsLabel | None = None
    """An existing PersistentVolumeClaim of the namespace; left out, one is made."""
    size: Size = "1Ti"
    """Size of the one that is made; Filestore's basic instances begin at 1Ti."""
    storage_class: StorageClass | None = None
    """An existing storage class that can serve several nodes; left out, one is made that puts Filestore instances into the
    stack's network, which GKE's own classes do not."""

    @model_validator(mode="after")
    def _nodes_can_share_it(self) -> Self:
        for name in ("size", "storage_class"):
            if self.claim is not None and name in self.model_fields_set:
                reason = "the claim exists, and is what it is"
                refuse(to_camel(name), getattr(self, name), reason, "nothing, or leave claim out so that one is made")
        if self.storage_class is not None:
            findings(weights.check_shared_class(self.storage_class, "storageClass"))
        return self


class Disk(Section):
    """A Hyperdisk ML disk that holds the weights, attached to every server's node read-only."""

    name: DnsLabel
    """Name of the disk, in the stack's project and zone; its access mode must be read-only many."""
    size: Size
    """Its size; Kubernetes compares it with what is asked for."""
    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")] | None = None
    """Directory of the weights on it; left out, its root."""


class Weights(Section):
    """Where servers take the weights from when they start."""

    cache: Literal["none", "persistentVolume", "hyperdiskMl"] = "none"
    """none loads them anew for each server (KServe's storage initializer, onto the node's boot disk, which must be large enough:
    bootDiskGb of the pool, resources.ephemeralStorage for models whose name does not tell their size); persistentVolume lets
    vLLM load them once from Hugging Face into a shared volume; hyperdiskMl reads them from a disk that was filled before."""
    volume: SharedVolume = SharedVolume()
    """The shared volume of persistentVolume."""
    disk: Disk | None = None
    """The disk of hyperdiskMl."""

    @model_validator(mode="after")
    def _cache_and_volume_agree(self) -> Self:
        if (self.cache == "hyperdiskMl") != (self.disk is not None):
            reason = "the disk and cache: hyperdiskMl go together"
            refuse("disk", "set" if self.disk else None, reason, "both or neither of them")
        if "volume" in self.model_fields_set and self.cache != "persistentVolume":
            refuse("volume", "set", f"cache is {self.cache}, which has none", "cache: persistentVolume, or no volume")
        return self


class CompileCache(Section):
    """Where programs that XLA compiled are kept, so that the next server starts in less time."""

    kind: Literal["pod", "persistentVolume"] = "pod"
    """pod keeps them while the pod lives, so that a restarted container finds them; persistentVolume shares them between
    servers and rollouts."""
    volume: SharedVolume = SharedVolume()
    """The shared volume of persistentVolume."""

    @model_validator(mode="after")
    def _kind_and_volume_agree(self) -> Self:
        if "volume" in self.model_fields_set and self.kind != "persistentVolume":
            refuse("volume", "set", f"kind is {self.kind}, which has none", "kind: persistentVolume, or no volume")
        return self


def check_hugging_face(uri: str, field: str = "uri") -> None:
    """A model that vLLM can load from Hugging Face itself."""
    if _HUGGING_FACE.fullmatch(uri) is None:
        reason = "weights.cache: persistentVolume lets vLLM load from Hugging Face, and this is elsewhere"
        refuse(field, uri, reason, "hf://ORGANIZATION/MODEL or hf://ORGANIZATION/MODEL:REVISION, or cache: none")
