"""GKE clusters as the official provider treats them (`resource_container_cluster.go`)."""

from __future__ import annotations

from typing import Final

from sandbox.gcp.resource import Properties, ResourceType


def _conflicts(inputs: Properties) -> list[tuple[str, str]]:
    if inputs.get("enableAutopilot") and inputs.get("removeDefaultNodePool"):
        return [
            (
                "enableAutopilot",
                'Conflicting configuration arguments: "enable_autopilot": conflicts with remove_default_node_pool',
            )
        ]
    if inputs.get("nodePools"):
        return [
            (
                "nodePools",
                "the sandbox does not simulate node pools inside a cluster. Write gcp.container.NodePool resources",
            )
        ]
    return []


CLUSTER: Final = ResourceType(
    type="gcp:container/cluster:Cluster",
    kind="container.clusters",
    noun="Cluster",
    id="projects/{project}/locations/{location}/clusters/{name}",
    imports=("{project}/{location}/{name}", "{location}/{name}"),
    scope=("project", "location"),
    defaults={"deletionProtection": True, "enableShieldedNodes": True, "networkingMode": "VPC_NATIVE"},
    force_new=frozenset(
        {
            "clusterIpv4Cidr",
            "confidentialNodes",
            "datapathProvider",
            "defaultMaxPodsPerNode",
            "description",
            "enableAutopilot",
            "enableKubernetesAlpha",
            "enableMultiNetworking",
            "enableTpu",
            "initialNodeCount",
            "ipAllocationPolicy.clusterIpv4CidrBlock",
            "ipAllocationPolicy.clusterSecondaryRangeName",
            "ipAllocationPolicy.servicesIpv4CidrBlock",
            "ipAllocationPolicy.servicesSecondaryRangeName",
            "ipAllocationPolicy.stackType",
            "ipAllocationPolicy.podCidrOverprovisionConfig",
            "location",
            "masterAuth.clientCertificateConfig",
            "name",
            "network",
            "networkingMode",
            "nodeConfig",
            "privateClusterConfig.enablePrivateNodes",
            "privateClusterConfig.masterIpv4CidrBlock",
            "privateClusterConfig.privateEndpointSubnetwork",
            "project",
            "subnetwork",
            "userManagedKeysConfig",
        }
    ),
    computed=frozenset(
        {
            "addonsConfig",
            "clusterAutoscaling",
            "clusterIpv4Cidr",
            "controlPlaneEndpointsConfig",
            "costManagementConfig",
            "databaseEncryption",
            "datapathProvider",
            "defaultMaxPodsPerNode",
            "defaultSnatStatus",
            "enableIntranodeVisibility",
            "gatewayApiConfig",
            "ipAllocationPolicy",
            "location",
            "loggingConfig",
            "loggingService",
            "masterAuth",
            "masterAuthorizedNetworksConfig",
            "meshCertificates",
            "minMasterVersion",
            "monitoringConfig",
            "monitoringService",
            "networkPolicy",
            "nodeConfig",
            "nodeLocations",
            "nodePoolDefaults",
            "nodeVersion",
            "notificationConfig",
            "privateClusterConfig",
            "releaseChannel",
            "securityPostureConfig",
            "serviceExternalIpsConfig",
            "subnetwork",
            "verticalPodAutoscaling",
            "workloadIdentityConfig",
        }
    ),
    links=frozenset({"network", "subnetwork"}),
    sets=frozenset({"nodeLocations", "masterAuthorizedNetworksConfig.cidrBlocks"}),
    enums={
        "gatewayApiConfig.channel": ("CHANNEL_DISABLED", "CHANNEL_EXPERIMENTAL", "CHANNEL_STANDARD"),
        "releaseChannel.channel": ("UNSPECIFIED", "RAPID", "REGULAR", "STABLE", "EXTENDED"),
        "networkingMode": ("VPC_NATIVE", "ROUTES"),
        "securityPostureConfig.mode": ("DISABLED", "BASIC", "ENTERPRISE"),
        "securityPostureConfig.vulnerabilityMode": (
            "VULNERABILITY_DISABLED",
            "VULNERABILITY_BASIC",
            "VULNERABILITY_ENTERPRISE",
        ),
        "databaseEncryption.state": ("ENCRYPTED", "DECRYPTED"),
        "binaryAuthorization.evaluationMode": ("DISABLED", "PROJECT_SINGLETON_POLICY_ENFORCE"),
        "datapathProvider": ("DATAPATH_PROVIDER_UNSPECIFIED", "LEGACY_DATAPATH", "ADVANCED_DATAPATH"),
    },
    unsettles={
        "controlPlaneEndpointsConfig": ("controlPlaneEndpointsConfig",),
        "minMasterVersion": ("masterVersion", "nodeVersion"),
        "releaseChannel": ("masterVersion", "nodeVersion"),
    },
    labels="resourceLabels",
    checks=_conflicts,
)

TYPES: Final = (CLUSTER,)
