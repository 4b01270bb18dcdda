"""Faults in what Google Cloud is asked for: network, cluster, node pools, identities."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.mutations.mutation import GONE, Mutation

CLUSTER: Final = "Cluster"
POOL: Final = "NodePool"


def cluster(name: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault in the cluster."""
    return Mutation(name=name, kind=CLUSTER, path=path, value=value, policy=policy, rule=rule, **more)


def tpu_pool(name: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault in a TPU node pool."""
    return Mutation(name=name, kind=POOL, resource="tpu-", path=path, value=value, policy=policy, rule=rule, **more)


HARDENING: Final = "cluster-hardening"
NODES: Final = "node-hardening"

MUTATIONS: Final = (
    tpu_pool(
        "a key of one's own in one pool alone",
        "nodeConfig",
        "bootDiskKmsKey",
        value="projects/project/locations/us-east5/keyRings/gke/cryptoKeys/disks",
        policy="cmek-default-pool",
        rule="default-pool-key",
        advised=True,
        undecidable=False,
    ),
    cluster("Gateway API off", "gatewayApiConfig", value=GONE, policy="cluster-gateway-api", rule="gateway-api"),
    cluster(
        "Gateway API disabled",
        "gatewayApiConfig",
        "channel",
        value="CHANNEL_DISABLED",
        policy="cluster-gateway-api",
        rule="gateway-api",
    ),
    cluster(
        "load balancing add-on off",
        "addonsConfig",
        "httpLoadBalancing",
        "disabled",
        value=True,
        policy="cluster-gateway-api",
        rule="http-load-balancing",
    ),
    cluster(
        "routes instead of alias ranges",
        "networkingMode",
        value="ROUTES",
        policy="cluster-gateway-api",
        rule="networking-mode",
    ),
    cluster(
        "nodes with public addresses",
        "privateClusterConfig",
        "enablePrivateNodes",
        value=False,
        policy=HARDENING,
        rule="private-nodes",
    ),
    cluster("no Workload Identity", "workloadIdentityConfig", value=GONE, policy=HARDENING, rule="workload-identity"),
    cluster("no release channel", "releaseChannel", value=GONE, policy=HARDENING, rule="release-channel"),
    cluster("attribute-based access", "enableLegacyAbac", value=True, policy=HARDENING, rule="legacy-authorization"),
    cluster("alpha features", "enableKubernetesAlpha", value=True, policy=HARDENING, rule="alpha-cluster"),
    cluster(
        "a version too old for v6e and its own InferencePool API",
        "minMasterVersion",
        value="1.30.5-gke.1014001",
        policy="version-compatibility",
        rule="machine-version",
        undecidable=False,
    ),
    tpu_pool(
        "an accelerator that does not exist",
        "nodeConfig",
        "machineType",
        value="ct6e-standard-2t",
        policy="tpu-node-pool",
        rule="machine-type",
    ),
    tpu_pool(
        "placement on a single-host pool",
        "placementPolicy",
        value={"type": "COMPACT", "tpuTopology": "2x2"},
        policy="tpu-node-pool",
        rule="placement",
    ),
    tpu_pool(
        "a boot disk that v6e does not take",
        "nodeConfig",
        "bootDisk",
        "diskType",
        value="pd-balanced",
        policy="tpu-node-pool",
        rule="boot-disk",
    ),
    tpu_pool("a zone without v6e", "nodeLocations", value=["us-west1-a"], policy="tpu-node-pool", rule="zone"),
    tpu_pool(
        "no secure boot",
        "nodeConfig",
        "shieldedInstanceConfig",
        "enableSecureBoot",
        value=False,
        policy=NODES,
        rule="secure-boot",
    ),
    tpu_pool(
        "no integrity monitoring",
        "nodeConfig",
        "shieldedInstanceConfig",
        "enableIntegrityMonitoring",
        value=False,
        policy=NODES,
        rule="integrity-monitoring",
    ),
    tpu_pool(
        "the metadata server in the open",
        "nodeConfig",
        "workloadMetadataConfig",
        "mode",
        value="GCE_METADATA",
        policy=NODES,
        rule="metadata-server",
    ),
    tpu_pool(
        "the default service account",
        "nodeConfig",
        "serviceAccount",
        value="default",
        policy=NODES,
        rule="service-account",
        undecidable=False,
    ),
    tpu_pool("no repair", "management", "autoRepair", value=False, policy=NODES, rule="auto-repair"),
    tpu_pool("no upgrades", "management", "autoUpgrade", value=False, policy=NODES, rule="auto-upgrade"),
    Mutation(
        name="no proxy-only subnet",
        kind="Subnetwork",
        resource="proxies",
        policy="proxy-only-subnet",
        rule="proxy-only-subnet",
    ),
    Mutation(
        name="a proxy-only subnet that is only a backup",
        kind="Subnetwork",
        resource="proxies",
        path=("role",),
        value="BACKUP",
        policy="proxy-only-subnet",
        rule="proxy-only-subnet",
    ),
    Mutation(
        name="a proxy-only subnet for other load balancers",
        kind="Subnetwork",
        resource="proxies",
        path=("purpose",),
        value="PRIVATE_SERVICE_CONNECT",
        policy="proxy-only-subnet",
        rule="proxy-only-subnet",
    ),
    Mutation(
        name="a proxy-only subnet in another region",
        kind="Subnetwork",
        resource="proxies",
        path=("region",),
        value="us-central1",
        policy="proxy-only-subnet",
        rule="proxy-only-subnet",
    ),
    Mutation(
        name="too few proxy addresses",
        kind="Subnetwork",
        resource="proxies",
        path=("ipCidrRange",),
        value="10.129.0.0/28",
        policy="proxy-only-subnet",
        rule="proxy-only-subnet",
        undecidable=False,
    ),
    Mutation(
        name="nodes that may do everything",
        kind="IAMMember",
        resource="cluster-nodes",
        path=("role",),
        value="roles/editor",
        policy="scoped-rights",
        rule="basic-role",
    ),
    Mutation(
        name="a role for everybody",
        kind="IAMMember",
        resource="cluster-nodes",
        path=("member",),
        value="allUsers",
        policy="scoped-rights",
        rule="public-grant",
        undecidable=False,
    ),
    Mutation(
        name="a host name of documentation",
        kind="HTTPRoute",
        path=("spec", "hostnames"),
        value=["models.example.com"],
        policy="placeholders-left",
        rule="placeholder-host",
        advised=True,
        undecidable=False,
    ),
)
