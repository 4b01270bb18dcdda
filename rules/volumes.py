"""Volumes of servers: how many pods can hold one at the same time.

Owns storage classes, access modes and what follows for replicas and rollouts. Sources: Kubernetes' documentation of persistent
volumes and GKE's of Persistent Disk, Hyperdisk ML and Filestore classes (2026); for names and errors of the driver its source,
kubernetes-sigs/gcp-compute-persistent-disk-csi-driver (2026-11).
"""

from __future__ import annotations

from typing import Final

from rules.finding import Finding

READ_WRITE_ONCE: Final = "ReadWriteOnce"
READ_WRITE_ONCE_POD: Final = "ReadWriteOncePod"
SINGLE_NODE_MODES: Final = frozenset({READ_WRITE_ONCE, READ_WRITE_ONCE_POD})
"""A disk in one of these modes is attached to one node; a pod elsewhere waits in ContainerCreating (Multi-Attach error)."""
ACCESS_MODES: Final = (READ_WRITE_ONCE, "ReadOnlyMany", "ReadWriteMany")
DEFAULT_CLASS: Final = "standard-rwo"
"""GKE's default: a balanced Persistent Disk, made where its first pod lands."""
DISK_DRIVER: Final = "pd.csi.storage.gke.io"
FILESTORE_DRIVER: Final = "filestore.csi.storage.gke.io"
DRIVERS: Final = (DISK_DRIVER, FILESTORE_DRIVER)
DISK_CLASS_LABELS: Final = {"k8s-app": "gcp-compute-persistent-disk-csi-driver"}
"""Labels of the storage classes that GKE makes."""
ZONE_KEY: Final = "topology.gke.io/zone"
"""Topology key with which the drivers tell, and ask, in which zone a disk is."""
DISK_CLASSES: Final = {
    "standard": "pd-standard",
    DEFAULT_CLASS: "pd-balanced",
    "premium-rwo": "pd-ssd",
    "hyperdisk-balanced": "hyperdisk-balanced",
    "hyperdisk-ml": "hyperdisk-ml",
}
"""Storage classes that make disks, with their kinds of disk: those of GKE, and those that its guides have one make under these
names. Those of Filestore come with its add-on."""
BUILT_IN_CLASSES: Final = ("standard", DEFAULT_CLASS, "premium-rwo")
"""Those of them that every GKE cluster has."""
IMMEDIATE: Final = "Immediate"
FIRST_CONSUMER: Final = "WaitForFirstConsumer"
"""`volumeBindingMode` of a class whose disks are made where their first pod lands."""
DISK_MODES: Final = frozenset({READ_WRITE_ONCE, READ_WRITE_ONCE_POD, "ReadOnlyMany"})
"""What a disk with a file system takes."""
MULTI_WRITER: Final = "specified multi writer with mount access type"
"""The driver's words for any other mode."""
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
"""Annotation by which the scheduler says where the first pod of a claim goes."""
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
"""Annotation with which Pulumi's provider does not wait for an object: a claim whose class waits for its first consumer is
bound only after the pod, which would never be created."""


def binding_mode(name: str) -> str:
    """The `volumeBindingMode` of one of GKE's storage classes: all wait for a pod but the oldest."""
    return IMMEDIATE if name == "standard" else FIRST_CONSUMER


def shared_disk_refused(storage_class: str) -> str:
    """The driver's event for a claim that asks for a disk with a file system which several nodes write to."""
    return (
        f'failed to provision volume with StorageClass "{storage_class}": rpc error: code = InvalidArgument desc = '
        f"VolumeCapabilities is invalid: {MULTI_WRITER}"
    )


def check_single_writer(mode: str, replicas: int, path: str, what: str) -> list[Finding]:
    """Whether as many pods can use a volume of that access mode; `what` names what sets the number."""
    if mode not in SINGLE_NODE_MODES or replicas <= 1:
        return []
    return [
        Finding(
            path=path,
            value=mode,
            reason=f"{what} asks for {replicas} pods, and such a disk is attached to one node: the others stay in "
            "ContainerCreating with a Multi-Attach error",
            remedy="Write ReadWriteMany with a Filestore class, ReadOnlyMany with Hyperdisk ML, or one replica.",
            rule="single-writer",
        )
    ]


def check_rollout(mode: str, strategy: str | None, path: str) -> list[Finding]:
    """Whether a Deployment with one pod on such a volume can be updated; `strategy` None is RollingUpdate."""
    if mode not in SINGLE_NODE_MODES or strategy == "Recreate":
        return []
    return [
        Finding(
            path=path,
            value=strategy,
            reason=f"a rolling update starts the new pod before the old one ends, while the {mode} disk is attached to the old "
            "one's node: unless the new pod happens to land there too, the update hangs with a Multi-Attach error",
            remedy="Write type: Recreate.",
            rule="rollout",
        )
    ]


def check_class(mode: str, storage_class: str | None, path: str) -> list[Finding]:
    """Whether a storage class makes volumes of that access mode; None is the default class, others than GKE's are not known."""
    name = DEFAULT_CLASS if storage_class is None else storage_class
    if name not in DISK_CLASSES or mode in DISK_MODES:
        return []
    return [
        Finding(
            path=path,
            value=mode,
            reason=f"{name} makes disks, which several nodes cannot write to: the claim stays Pending with "
            f"'{MULTI_WRITER}', and with it every pod",
            remedy="Write a Filestore class, such as standard-rwx, or ReadWriteOnce and one replica.",
            rule="class",
        )
    ]
