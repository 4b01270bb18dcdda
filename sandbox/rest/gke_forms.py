"""Kubernetes Engine's own names for what the official provider calls otherwise.

The sandbox keeps clusters and pools as the provider sends them. Most of its names are the API's; here stand those that are not.
Source: `expandContainerCluster`, `expandNodeConfig` and their counterparts in terraform-provider-google (v7), and the messages of
google.container.v1 (read 2026-11). A field the API does not have is dropped without a word by Google's clients.
"""

from __future__ import annotations

from typing import Any, Final, cast

from sandbox.cloud.settings import block, text

Body = dict[str, Any]

_SAME: Final = (
    "addonsConfig",
    "binaryAuthorization",
    "controlPlaneEndpointsConfig",
    "costManagementConfig",
    "description",
    "endpoint",
    "initialNodeCount",
    "ipAllocationPolicy",
    "labelFingerprint",
    "loggingService",
    "masterAuth",
    "monitoringService",
    "podAutoscaling",
    "privateClusterConfig",
    "rbacBindingConfig",
    "releaseChannel",
    "resourceLabels",
    "secretSyncConfig",
    "securityPostureConfig",
    "workloadIdentityConfig",
)
_POOL_SAME: Final = (
    "initialNodeCount",
    "instanceGroupUrls",
    "management",
    "networkConfig",
    "queuedProvisioning",
    "upgradeSettings",
    "version",
)
_NODE_PROVIDER_ONLY: Final = ("effectiveTaints", "loggingVariant", "guestAccelerators")


def cluster(held: Body) -> Body:
    """The settings of a cluster; what GKE decides by itself is the caller's."""
    logging = block(held, "loggingConfig").get("enableComponents")
    monitoring = block(held, "monitoringConfig")
    networks, groups = block(held, "masterAuthorizedNetworksConfig"), block(held, "authenticatorGroupsConfig")
    return filled(
        {
            **{name: held.get(name) for name in _SAME},
            "autopilot": {"enabled": bool(held.get("enableAutopilot"))},
            "shieldedNodes": {"enabled": bool(held.get("enableShieldedNodes", True))},
            "masterAuthorizedNetworksConfig": {"enabled": True, **networks} if networks else None,
            "authenticatorGroupsConfig": {"enabled": True, **groups} if groups else None,
            "loggingConfig": {"componentConfig": {"enableComponents": logging}},
            "monitoringConfig": {
                "componentConfig": {"enableComponents": monitoring.get("enableComponents")},
                "managedPrometheusConfig": monitoring.get("managedPrometheus"),
                "advancedDatapathObservabilityConfig": monitoring.get("advancedDatapathObservabilityConfig"),
            },
            "notificationConfig": {"pubsub": _topic(block(block(held, "notificationConfig"), "pubsub"))},
            "maintenancePolicy": {"window": _window(block(held, "maintenancePolicy"))},
            "databaseEncryption": block(held, "databaseEncryption"),
            "networkConfig": {
                "network": text(held, "network"),
                "subnetwork": text(held, "subnetwork"),
                "datapathProvider": held.get("datapathProvider"),
                "enableIntraNodeVisibility": held.get("enableIntranodeVisibility"),
                "gatewayApiConfig": {"channel": text(held, "gatewayApiConfig", "channel") or "CHANNEL_DISABLED"},
            },
        }
    )


def pool(held: Body) -> Body:
    """The settings of a node pool."""
    scaling = block(held, "autoscaling")
    return filled(
        {
            **{name: held.get(name) for name in _POOL_SAME},
            "config": _node_config(block(held, "nodeConfig")),
            "placementPolicy": block(held, "placementPolicy"),
            "maxPodsConstraint": {"maxPodsPerNode": str(held.get("maxPodsPerNode", 110))},
            "autoscaling": {"enabled": True, **scaling} if scaling else {},
        }
    )


def _node_config(held: Body) -> Body:
    variant = held.get("loggingVariant")
    accelerators = cast(list[Body], held.get("guestAccelerators") or [])
    return {
        **{name: value for name, value in held.items() if name not in _NODE_PROVIDER_ONLY},
        "loggingConfig": {"variantConfig": {"variant": variant}} if variant else None,
        "accelerators": [
            {"acceleratorType": item.get("type"), "acceleratorCount": str(item.get("count", 0))}
            for item in accelerators
        ],
    }


def _topic(held: Body) -> Body:
    return {**held, "filter": {"eventType": block(held, "filter").get("eventTypes")}}


def _window(held: Body) -> Body:
    recurring = block(held, "recurringWindow")
    exclusions = cast(list[Body], held.get("maintenanceExclusions") or [])
    return {
        "recurringWindow": {
            "window": {"startTime": recurring.get("startTime"), "endTime": recurring.get("endTime")},
            "recurrence": recurring.get("recurrence"),
        },
        "dailyMaintenanceWindow": held.get("dailyMaintenanceWindow"),
        "maintenanceExclusions": {
            str(item.get("exclusionName")): {
                "startTime": item.get("startTime"),
                "endTime": item.get("endTime"),
                "maintenanceExclusionOptions": item.get("exclusionOptions"),
            }
            for item in exclusions
        },
    }


def filled(body: Body) -> Body:
    """What is set, level by level; the API leaves the rest out."""
    found: Body = {}
    for name, value in body.items():
        inner = filled(cast(Body, value)) if isinstance(value, dict) else value
        if inner not in (None, "", {}, []):
            found[name] = inner
    return found
