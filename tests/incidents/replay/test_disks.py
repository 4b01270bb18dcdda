"""A disk that is attached to one node, and a second pod on another (probes report, its ReadWriteOnce claim)."""

from __future__ import annotations

from rules import http_servers, tpu, volumes
from tests.incidents.replay import servers
from tests.incidents.replay.place import SECONDS, Place
from tests.sandbox.support import eventually

PORT = http_servers.SERVERS["impetus-llm-server"].port


def test_one_disk_for_pods_on_two_nodes(place: Place) -> None:
    """Multi-Attach error: the control plane attaches the disk to the first pod's node, and refuses it to the second's."""
    place.create(
        "v1",
        "PersistentVolumeClaim",
        "models",
        {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": volumes.DEFAULT_CLASS,
            "resources": {"requests": {"storage": "100Gi"}},
        },
    )
    container = {
        "image": "gerdsenai/impetus-llm-server:2.1.0",
        "ports": [{"containerPort": PORT}],
        "readinessProbe": servers.probe("/api/health/ready", PORT),
        "volumeMounts": [{"name": "models", "mountPath": "/models"}],
    }
    apart = {"labelSelector": {"matchLabels": {"app": "app"}}, "topologyKey": "kubernetes.io/hostname"}
    servers.deployment(
        place,
        "app",
        container,
        replicas=2,
        affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}},
        tolerations=[{"key": tpu.TPU_TAINT_KEY, "operator": "Exists"}],
        volumes=[{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}],
    )
    eventually(lambda: len(nodes(place)) == 2, "both pods are scheduled, each to a node of its own", timeout=SECONDS)
    place.until_event("FailedAttachVolume", "Multi-Attach error for volume", "Volume is already used by pod(s) app-")
    (first,) = attachments(place)
    assert first in nodes(place)

    place.patch("apps/v1", "Deployment", "app", {"spec": {"replicas": 0}})
    eventually(lambda: attachments(place) == [], "the disk is taken off when its pods are gone", timeout=SECONDS)
    place.patch("apps/v1", "Deployment", "app", {"spec": {"replicas": 1}})
    place.until_ready("app", 1)
    eventually(lambda: attachments(place) == list(nodes(place)), "one pod has it", timeout=SECONDS)


def attachments(place: Place) -> list[str]:
    """The nodes to which the claim's disk is attached."""
    claim = place.client.get("v1", "PersistentVolumeClaim", "models", place.name) or {}
    return [
        item["spec"]["nodeName"]
        for item in place.client.list("storage.k8s.io/v1", "VolumeAttachment")
        if item["spec"]["source"]["persistentVolumeName"] == claim["spec"]["volumeName"]
    ]


def nodes(place: Place) -> set[str]:
    """The nodes on which the pods are."""
    return {str(pod["spec"].get("nodeName")) for pod in place.pods("app")} - {"None"}
