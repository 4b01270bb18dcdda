"""Disks: claims bind where their pods go, as with GKE's drivers, and go with their claims."""

from __future__ import annotations

from typing import Any

from rules import volumes
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.gke import storage
from sandbox.kube.client import Client
from tests.sandbox.support import eventually

Object = dict[str, Any]


def claim(
    namespace: str, name: str = "models", mode: str = "ReadWriteOnce", class_name: str = "standard-rwo"
) -> Object:
    """A PersistentVolumeClaim as the program makes it."""
    spec = {"accessModes": [mode], "storageClassName": class_name, "resources": {"requests": {"storage": "100Gi"}}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def node(client: Client, name: str) -> None:
    """A node in a zone, with room."""
    client.create(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {storage.ZONE: "us-east5-b", "disk-test": name}},
        }
    )
    capacity = {"cpu": "8", "memory": "32Gi", "pods": "10"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}
    patch: Object = {"status": {"capacity": capacity, "allocatable": capacity, "conditions": [ready]}}
    client.merge_patch("v1", "Node", name, None, patch, subresource="status")


def pod(namespace: str, on: str) -> Object:
    """A pod with that claim."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "server", "namespace": namespace},
        "spec": {
            "nodeSelector": {"disk-test": on},
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "c", "image": "example.com/c:1"}],
            "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}],
        },
    }


def phase(client: Client, namespace: str, name: str = "models") -> str:
    """The phase of a claim."""
    found = client.get("v1", "PersistentVolumeClaim", name, namespace) or {}
    return str(found.get("status", {}).get("phase"))


def test_a_claim_is_bound_where_its_pod_goes(running_cluster: ClusterRuntime, namespace: str) -> None:
    """The scheduler chooses, the driver makes the disk in that zone, the controller binds it; the disk goes with the claim."""
    client = running_cluster.client
    eventually(
        lambda: client.get(storage.STORAGE_API_VERSION, "StorageClass", "standard-rwo") is not None,
        "GKE's class is there",
    )
    made = client.create(claim(namespace))
    name = storage.volume_name(made)
    on = f"disk-{namespace}"
    node(client, on)
    try:
        client.create(pod(namespace, on))
        eventually(lambda: phase(client, namespace) == "Bound", "the claim is bound")
        volume = client.get("v1", "PersistentVolume", name) or {}
        (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
        assert term["matchExpressions"] == [{"key": storage.ZONE, "operator": "In", "values": ["us-east5-b"]}]
        assert volume["spec"]["capacity"] == {"storage": "100Gi"}
        client.delete("v1", "Pod", "server", namespace)
        client.delete("v1", "PersistentVolumeClaim", "models", namespace)
        eventually(lambda: client.get("v1", "PersistentVolume", name) is None, "the disk is gone with its claim")
    finally:
        client.delete("v1", "Node", on)


def test_a_claim_without_a_pod_waits(running_cluster: ClusterRuntime, namespace: str) -> None:
    """standard-rwo waits for its first consumer: whoever waits for the claim before the pod waits for ever."""
    client = running_cluster.client
    client.create(claim(namespace))

    def told() -> bool:
        events = client.list("v1", "Event", namespace)
        return any(event.get("reason") == "WaitForFirstConsumer" for event in events)

    eventually(told, "the controller says what it waits for")
    assert phase(client, namespace) == "Pending"


def test_a_disk_cannot_be_shared() -> None:
    """The driver's own words for ReadWriteMany on a disk with a file system; Filestore takes it."""
    disk = storage.storage_class("standard-rwo")
    shared = claim("ns", mode="ReadWriteMany")
    assert "specified multi writer with mount access type" in storage.refused(shared, disk)
    assert storage.refused(claim("ns"), disk) == ""
    assert storage.refused(shared, {**disk, "provisioner": volumes.FILESTORE_DRIVER}) == ""


def test_classes_are_those_of_a_gke_cluster() -> None:
    """One default, and disks that wait for their pods except the oldest class."""
    classes = {name: storage.storage_class(name) for name in volumes.BUILT_IN_CLASSES}
    default = [n for n, c in classes.items() if c["metadata"]["annotations"].get(storage.DEFAULT_CLASS) == "true"]
    assert default == ["standard-rwo"]
    waiting = {n for n, c in classes.items() if c["volumeBindingMode"] == "WaitForFirstConsumer"}
    assert waiting == {"standard-rwo", "premium-rwo"}
