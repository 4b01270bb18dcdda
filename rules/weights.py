"""Volumes for weights and compiled programs: which storage classes several nodes can share, and how a Hyperdisk ML disk is named.

Owns what is special to TPU servers, which take a node each. Does not own access modes in general (`volumes.py`).
Sources: GKE's documentation of its Filestore and disk drivers and of Hyperdisk ML (2026); Cloud TPU's documentation of disks
(v6e attaches Hyperdisk Balanced and Hyperdisk ML alone).
"""

from __future__ import annotations

from typing import Any, Final

from rules.finding import Finding
from rules.volumes import DISK_CLASSES, DISK_DRIVER, FILESTORE_DRIVER

FILESTORE_TIER: Final = "standard"
"""Filestore's Basic HDD, from 1 TiB on."""
DIRECT_PEERING: Final = "DIRECT_PEERING"
SHARED_VPC: Final = "PRIVATE_SERVICE_ACCESS"
"""How an instance is reached: in a network of the same project, or in a Shared VPC, which is then named in full."""
SHARED_CLASSES: Final = ("standard-rwx", "premium-rwx", "zonal-rwx", "enterprise-rwx", "enterprise-multishare-rwx")
"""Classes of GKE's Filestore driver, which the cluster has when the driver is on; they name no network, and the driver then takes
the one called `default`."""
FILESTORE_API: Final = "file.googleapis.com"
HYPERDISK_ML_CLASS: Final = "hyperdisk-ml"
MODEL_PATH: Final = "/mnt/models"
"""Where KServe's storage initializer, its volumes and its model images put the weights."""
LORA_PATH: Final = "/mnt/lora"
"""Below it KServe puts LoRA adapters, each under its name (llmisvc/workload_lora.go)."""


def check_shared_class(storage_class: str, path: str) -> list[Finding]:
    """Whether servers on several nodes of the stack can write to a volume of that class; own classes are not judged."""
    if storage_class in DISK_CLASSES:
        reason = (
            "it makes disks, which one node writes to; each server has a node of its own, so the second one, and every rolling "
            "update, waits in ContainerCreating with a Multi-Attach error"
        )
    elif storage_class in SHARED_CLASSES:
        reason = (
            "this class of GKE's makes instances in the network called default, whose addresses nodes of another network do not "
            "reach, and the pods wait in ContainerCreating"
        )
    else:
        return []
    return [
        Finding(
            path=path,
            value=storage_class,
            reason=reason,
            remedy="Write nothing, for Filestore in the stack's network, the name of a class of your own, or weights.cache: "
            "hyperdiskMl for a disk that is only read.",
            rule="shared-class",
        )
    ]


def filestore_class(network: str) -> dict[str, Any]:
    """Fields of a StorageClass whose Filestore instances lie in a network: its name, or projects/P/global/networks/N."""
    mode = SHARED_VPC if "/" in network else DIRECT_PEERING
    return {
        "provisioner": FILESTORE_DRIVER,
        "parameters": {"tier": FILESTORE_TIER, "network": network, "connect-mode": mode},
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


def disk_volume(handle: str, size: str, zone: str, namespace: str, claim: str) -> dict[str, Any]:
    """Spec of a PersistentVolume for an existing Hyperdisk ML disk, kept for one claim and read by many nodes."""
    return {
        "storageClassName": HYPERDISK_ML_CLASS,
        "capacity": {"storage": size},
        "accessModes": ["ReadOnlyMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": namespace, "name": claim},
        "csi": {"driver": DISK_DRIVER, "volumeHandle": handle, "fsType": "ext4", "readOnly": True},
        "nodeAffinity": {
            "required": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "topology.gke.io/zone", "operator": "In", "values": [zone]}]}
                ]
            }
        },
    }


def disk_handle(project: str, zone: str, disk: str) -> str:
    """How the driver names a disk."""
    return f"projects/{project}/zones/{zone}/disks/{disk}"
