"""Disks of GKE: its storage classes, and a PersistentVolume for each claim as its CSI drivers would make one.

Owns what provisioner and attacher do. Which claim binds to which volume is decided by the real controller-manager, where
its pod goes by the real scheduler, and whether a disk may be attached to a second node again by the controller-manager. What
is in a disk is not simulated.
"""

from __future__ import annotations

import contextlib
from typing import Any

from rules import volumes
from sandbox.kube.client import ApiError, Client
from sandbox.node.isolation import Isolation
from sandbox.node.reconciler import Reconciler
from sandbox.node.status import now_text

Object = dict[str, Any]

STORAGE_API_VERSION = "storage.k8s.io/v1"
ZONE = volumes.ZONE_KEY
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"

_RESYNC_SECONDS = 10.0
_RETRY_SECONDS = 1.0


class Storage(Reconciler):
    """The storage drivers of one cluster."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, "GKE storage", resync=_RESYNC_SECONDS, retry=_RETRY_SECONDS)
        self._isolation = Isolation("GKE storage")
        self._classes = self.follow(STORAGE_API_VERSION, "StorageClass")
        self._claims = self.follow("v1", "PersistentVolumeClaim")
        self._volumes = self.follow("v1", "PersistentVolume")
        self._nodes = self.follow("v1", "Node")
        self._attachments = self.follow(STORAGE_API_VERSION, "VolumeAttachment")

    def reconcile(self) -> bool:
        """One round over classes, claims, volumes and attachments; not done before all of them are known."""
        if not self.synced:
            return False
        classes = {item["metadata"]["name"]: item for item in self._classes.items()}
        for name in set(volumes.BUILT_IN_CLASSES) - classes.keys():
            self._make(storage_class(name))
        held = {volume["metadata"]["name"] for volume in self._volumes.items()}
        nodes = {node["metadata"]["name"]: node for node in self._nodes.items()}
        for claim in self._claims.items():
            found = classes.get(claim["spec"].get("storageClassName") or "")
            if found is None or found["provisioner"] not in volumes.DRIVERS or volume_name(claim) in held:
                continue
            if claim["spec"].get("volumeName") or claim["metadata"].get("deletionTimestamp"):
                continue
            with self._isolation.of(claim):
                self._provision(claim, found, nodes)
        for volume in self._volumes.items():
            if is_done(volume):
                with contextlib.suppress(ApiError):  # gone meanwhile
                    self._client.delete("v1", "PersistentVolume", volume["metadata"]["name"])
        for attachment in self._attachments.items():
            if attachment["spec"]["attacher"] in volumes.DRIVERS and not (attachment.get("status") or {}).get(
                "attached"
            ):
                with self._isolation.of(attachment):
                    self.write_status(attachment, {"attached": True})
        return not self._isolation.asks_for_another_round()

    def _provision(self, claim: Object, found: Object, nodes: dict[str, Object]) -> None:
        node = placed_on(claim, found, nodes)
        if node is None:
            return  # the scheduler has not chosen yet
        refusal = refused(claim, found)
        if refusal:
            self._tell(claim, refusal)
        else:
            self._make(persistent_volume(claim, found, node))

    def _make(self, obj: Object) -> None:
        try:
            self._client.create(obj)
        except ApiError as error:
            if error.status != 409:  # made meanwhile
                raise

    def _tell(self, claim: Object, message: str) -> None:
        metadata, now = claim["metadata"], now_text()
        reference = {key: metadata[key] for key in ("name", "namespace", "uid")}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            # One name a claim: said once, however often it is tried.
            "metadata": {"name": f"{metadata['name']}.provisioning-failed", "namespace": metadata["namespace"]},
            "involvedObject": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **reference},
            "type": "Warning",
            "reason": "ProvisioningFailed",
            "message": message,
            "source": {"component": volumes.DISK_DRIVER},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        self._make(event)


def storage_class(name: str) -> Object:
    """One of GKE's storage classes."""
    annotations = {DEFAULT_CLASS: "true"} if name == volumes.DEFAULT_CLASS else {}
    return {
        "apiVersion": STORAGE_API_VERSION,
        "kind": "StorageClass",
        "metadata": {
            "name": name,
            "annotations": annotations,
            "labels": dict(volumes.DISK_CLASS_LABELS),
        },
        "provisioner": volumes.DISK_DRIVER,
        "parameters": {"type": volumes.DISK_CLASSES[name]},
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
        "volumeBindingMode": volumes.binding_mode(name),
    }


def volume_name(claim: Object) -> str:
    """Name of the volume that is made for a claim."""
    return f"pvc-{claim['metadata']['uid']}"


def placed_on(claim: Object, found: Object, nodes: dict[str, Object]) -> Object | None:
    """The node whose zone a volume is made in: where its first pod goes, or any where the class does not wait for one."""
    selected = (claim["metadata"].get("annotations") or {}).get(volumes.SELECTED_NODE)
    if found.get("volumeBindingMode") == volumes.FIRST_CONSUMER:
        return nodes.get(selected) if selected else None
    return nodes[min(nodes)] if nodes else None


def refused(claim: Object, found: Object) -> str:
    """What the driver says to a claim that it cannot serve; nothing where it can."""
    modes = set(claim["spec"].get("accessModes") or [])
    if found["provisioner"] == volumes.DISK_DRIVER and not modes <= volumes.DISK_MODES:
        return volumes.shared_disk_refused(found["metadata"]["name"])
    return ""


def persistent_volume(claim: Object, found: Object, node: Object) -> Object:
    """The volume for a claim, in the zone of `node`."""
    metadata, driver = claim["metadata"], found["provisioner"]
    zone = node["metadata"]["labels"].get(ZONE, "")
    name = volume_name(claim)
    reference = {key: metadata[key] for key in ("name", "namespace", "uid")}
    spec: Object = {
        "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
        "accessModes": claim["spec"]["accessModes"],
        "persistentVolumeReclaimPolicy": found.get("reclaimPolicy", "Delete"),
        "storageClassName": found["metadata"]["name"],
        "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
        "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **reference},
        "csi": {"driver": driver, "volumeHandle": f"projects/sandbox/zones/{zone}/disks/{name}", "fsType": "ext4"},
    }
    if driver == volumes.DISK_DRIVER and zone:
        here = {"key": ZONE, "operator": "In", "values": [zone]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: driver}},
        "spec": spec,
    }


def is_done(volume: Object) -> bool:
    """Whether a volume of these drivers goes with its claim, and its claim is gone."""
    made_by = (volume["metadata"].get("annotations") or {}).get(PROVISIONED_BY)
    released = (volume.get("status") or {}).get("phase") == "Released"
    deletes = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    return made_by in volumes.DRIVERS and released and deletes and not volume["metadata"].get("deletionTimestamp")
