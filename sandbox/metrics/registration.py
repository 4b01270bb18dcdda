"""What stands in the cluster for metrics that GKE itself serves: Service, its endpoint, APIServices.

Owns the objects and when they are there. `metrics.k8s.io` is on every cluster. `custom.metrics.k8s.io` is registered here only
while an AutoscalingMetric exists and no adapter has registered it: on GKE the autoscaler reads AutoscalingMetrics itself, but
the upstream controller of this sandbox can only ask that API. Somebody who creates an adapter's APIServices after an
AutoscalingMetric finds them there already, which GKE has not.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any, Final

from rules import workload_metrics as facts
from sandbox.cluster.bootstrap import FIELD_MANAGER
from sandbox.cluster.components import SERVICE_CIDR
from sandbox.kube.client import Client

Object = dict[str, Any]

NAMESPACE: Final = "kube-system"
SERVICE: Final = "metrics-server"
CLUSTER_IP: Final = str(ipaddress.ip_network(SERVICE_CIDR)[11])
"""Fixed, from the part of the range that the API server gives out last."""
PORT: Final = 443

_ENDPOINT: Final = "192.0.2.1"
"""The API server wants an endpoint before it takes a Service for available; nobody connects to it: calls go to CLUSTER_IP."""
_API_SERVICE: Final = ("apiregistration.k8s.io/v1", "APIService")


def register(client: Client) -> None:
    """Applies what every cluster has. The endpoint changes at each start, so that the API server looks again at once."""
    ports: Object = {"name": "https", "port": PORT, "protocol": "TCP"}
    place = {"name": SERVICE, "namespace": NAMESPACE}
    _apply(
        client,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": place,
            "spec": {"clusterIP": CLUSTER_IP, "ports": [{**ports, "targetPort": PORT}]},
        },
    )
    _apply(
        client,
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                **place,
                "labels": {"kubernetes.io/service-name": SERVICE},
                "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": str(time.time_ns())},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [_ENDPOINT], "conditions": {"ready": True}}],
            "ports": [ports],
        },
    )
    for version in facts.RESOURCE_VERSIONS:
        _apply(client, api_service(version))


def keep_native(client: Client, *, wanted: bool) -> None:
    """Registers or withdraws the API of AutoscalingMetrics, unless it is somebody else's."""
    for version in facts.CUSTOM_VERSIONS:
        held = client.get(*_API_SERVICE, version.api_service)
        ours = held is not None and _service(held) == (NAMESPACE, SERVICE)
        if held is None and wanted:
            _apply(client, api_service(version))
        elif ours and not wanted:
            client.delete(*_API_SERVICE, version.api_service)


def api_service(version: facts.Version) -> Object:
    """The APIService with which this cluster's own server answers for `version`."""
    return {
        "apiVersion": _API_SERVICE[0],
        "kind": _API_SERVICE[1],
        "metadata": {"name": version.api_service},
        "spec": {
            "group": version.group,
            "version": version.version,
            "groupPriorityMinimum": 100,
            "versionPriority": version.priority,
            "insecureSkipTLSVerify": True,  # as in the manifests of metrics-server and of the adapter
            "service": {"name": SERVICE, "namespace": NAMESPACE, "port": PORT},
        },
    }


def _service(held: Object) -> tuple[str, str]:
    service: Object = held["spec"].get("service") or {}
    return service.get("namespace", ""), service.get("name", "")


def _apply(client: Client, obj: Object) -> None:
    client.apply(obj, field_manager=FIELD_MANAGER, force=True)
