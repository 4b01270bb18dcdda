"""GKE node pools as the official provider treats them (`resource_container_node_pool.go`, `node_config.go`).

`nodeConfig.machineType` is updated in place by the provider since v5, and so it is here for machines without
accelerators. For TPUs the sandbox replaces the pool: a slice's machine type is bound to its topology and placement,
which GKE cannot change in place, and a preview that promised otherwise would be the more expensive mistake.
"""

from __future__ import annotations

from typing import Any, Final, cast

from sandbox.gcp.resource import Properties, ResourceType, known

_TPU_FAMILIES: Final = ("ct", "tpu")

_NODE_CONFIG_FORCE_NEW: Final = (
    "advancedMachineFeatures",
    "bootDiskKmsKey",
    "confidentialNodes",
    "enableConfidentialStorage",
    "ephemeralStorageConfig",
    "ephemeralStorageLocalSsdConfig",
    "flexStart",
    "guestAccelerators",
    "hostMaintenancePolicy",
    "localNvmeSsdBlockConfig",
    "localSsdCount",
    "localSsdEncryptionMode",
    "maxRunDuration",
    "metadata",
    "minCpuPlatform",
    "nodeGroup",
    "oauthScopes",
    "preemptible",
    "reservationAffinity",
    "sandboxConfig",
    "secondaryBootDisks",
    "serviceAccount",
    "shieldedInstanceConfig",
    "soleTenantConfig",
    "spot",
)

_NETWORK_CONFIG_FORCE_NEW: Final = (
    "additionalNodeNetworkConfigs",
    "additionalPodNetworkConfigs",
    "acceleratorNetworkProfile",
    "createPodRange",
    "podCidrOverprovisionConfig",
    "podIpv4CidrBlock",
    "podRange",
    "subnetwork",
)


def _machine(inputs: Properties) -> Any:
    config = inputs.get("nodeConfig")
    return cast(Properties, config).get("machineType") if isinstance(config, dict) else config


def _tpu_machine_changes(old: Properties, new: Properties, path: str) -> bool:
    if path != "nodeConfig.machineType":
        return False
    return any(not known(m) or str(m).startswith(_TPU_FAMILIES) for m in (_machine(old), _machine(new)))


def _conflicts(inputs: Properties) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    if known(inputs.get("name")) and known(inputs.get("namePrefix")):
        problems.append(("name", 'Conflicting configuration arguments: "name": conflicts with name_prefix'))
    problems += [
        (name, f"expected {name} to be at least (0), got {inputs[name]}")
        for name in ("nodeCount", "initialNodeCount")
        if known(inputs.get(name)) and int(inputs[name]) < 0
    ]
    if known(inputs.get("nodeCount")) and known(inputs.get("initialNodeCount")):
        problems.append(("nodeCount", "Cannot set both initial_node_count and node_count on node pool"))
    scaling = inputs.get("autoscaling")
    if isinstance(scaling, dict):
        limits = cast(Properties, scaling)
        total = any(key in limits for key in ("totalMinNodeCount", "totalMaxNodeCount"))
        if total and any(key in limits for key in ("minNodeCount", "maxNodeCount")):
            problems.append(("autoscaling", "Conflicting configuration arguments: per zone limits and total limits"))
    return problems


NODE_POOL: Final = ResourceType(
    type="gcp:container/nodePool:NodePool",
    kind="container.nodePools",
    noun="NodePool",
    id="projects/{project}/locations/{location}/clusters/{cluster}/nodePools/{name}",
    imports=("{project}/{location}/{cluster}/{name}", "{location}/{cluster}/{name}"),
    scope=("project", "location"),
    parent=("cluster", "projects/{project}/locations/{location}/clusters/{cluster}"),
    force_new=frozenset(
        {"name", "namePrefix", "project", "cluster", "location", "initialNodeCount", "maxPodsPerNode"}
        | {"placementPolicy", "queuedProvisioning"}
        | {f"nodeConfig.{name}" for name in _NODE_CONFIG_FORCE_NEW}
        | {f"networkConfig.{name}" for name in _NETWORK_CONFIG_FORCE_NEW}
    ),
    computed=frozenset(
        {"initialNodeCount", "location", "management", "maxPodsPerNode", "networkConfig", "nodeConfig", "nodeCount"}
        | {"nodeDrainConfigs", "nodeLocations", "upgradeSettings", "version", "namePrefix"}
    ),
    links=frozenset({"cluster", "networkConfig.subnetwork"}),
    sets=frozenset({"nodeLocations", "nodeConfig.oauthScopes"}),
    enums={
        "upgradeSettings.strategy": ("SURGE", "BLUE_GREEN"),
        "autoscaling.locationPolicy": ("BALANCED", "ANY"),
        "nodeConfig.workloadMetadataConfig.mode": ("MODE_UNSPECIFIED", "GCE_METADATA", "GKE_METADATA"),
        "nodeConfig.reservationAffinity.consumeReservationType": (
            "UNSPECIFIED",
            "NO_RESERVATION",
            "ANY_RESERVATION",
            "SPECIFIC_RESERVATION",
        ),
        "nodeConfig.taints.effect": ("NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE"),
    },
    checks=_conflicts,
    replaces=_tpu_machine_changes,
)

TYPES: Final = (NODE_POOL,)
