"""Hardening of clusters and nodes, rights and protection."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import (
    cluster,
    node_pool,
    subnet,
)

BY_NAME: Final = {"dnsEndpointConfig": {"allowExternalTraffic": True}, "ipEndpointsConfig": {"enabled": False}}
"""A control plane that is reached by its DNS name alone."""


def role(kind: str = "ClusterRole", **rule: Any) -> Made:
    """A role with one rule."""
    base = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    return kubernetes("rbac.authorization.k8s.io/v1", kind, "role", rules=[{**base, **rule}])


def binding(name: str, subject: Any, kind: str = "ClusterRoleBinding") -> Made:
    """A binding of one subject."""
    return kubernetes(
        "rbac.authorization.k8s.io/v1",
        kind,
        "binding",
        roleRef={"kind": "ClusterRole", "name": name},
        subjects=[{"kind": "Group", "name": subject}],
    )


def iam(role_name: Any, member: Any, kind: str = "iAMMember:IAMMember") -> Made:
    """An IAM grant in the project."""
    field = {"members": member} if isinstance(member, list) else {"member": member}
    return Made(f"gcp:projects/{kind}", "grant", {"project": "p", "role": role_name, **field})


def key(kind: str = "gcp:serviceaccount/key:Key", **props: Any) -> Made:
    """A key of a service account."""
    return Made(kind, "key", {"serviceAccountId": "nodes", **props})


def storage_class(**fields: Any) -> Made:
    """A StorageClass of Compute Engine's disks."""
    body = {"provisioner": "pd.csi.storage.gke.io", "parameters": {"type": "hyperdisk-balanced"}, **fields}
    return Made(
        "kubernetes:storage.k8s.io/v1:StorageClass",
        "disks",
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "disks"}, **body},
    )


def bucket(**props: Any) -> Made:
    """A bucket of weights."""
    return Made("gcp:storage/bucket:Bucket", "weights", {"name": "weights", **props})


CASES: Final[Cases] = {
    "cluster-hardening": [
        fail("private-nodes", "CIS GKE 1.9, 5.6.5", cluster(privateClusterConfig__enablePrivateNodes=False)),
        fail(
            "authorized-networks",
            "the whole internet",
            cluster(masterAuthorizedNetworksConfig={"cidrBlocks": [{"cidrBlock": "0.0.0.0/0"}]}),
        ),
        fail("legacy-authorization", "5.8.3", cluster(enableLegacyAbac=True)),
        fail(
            "client-certificate",
            "5.8.1",
            cluster(masterAuth={"clientCertificateConfig": {"issueClientCertificate": True}}),
        ),
        fail("release-channel", "'UNSPECIFIED'", cluster(releaseChannel={"channel": "UNSPECIFIED"})),
        fail("shielded-nodes", "5.5.5", cluster(enableShieldedNodes=False)),
        fail("alpha-cluster", "5.10.2", cluster(enableKubernetesAlpha=True)),
        fail("logging", "5.7.1", cluster(loggingService="none")),
        fail("logging", "enableComponents is []", cluster(loggingConfig={"enableComponents": []})),
        fail("monitoring", "5.7.1", cluster(monitoringService="none")),
        fail("dashboard", "5.10.1", cluster(addonsConfig__kubernetesDashboard={"disabled": False})),
        fail(
            "everybody-bindings everybody-bindings",
            "4.1.10",
            cluster(
                rbacBindingConfig={
                    "enableInsecureBindingSystemAuthenticated": True,
                    "enableInsecureBindingSystemUnauthenticated": True,
                }
            ),
        ),
        fail(
            "authorized-networks",
            "5.6.3",
            cluster(
                masterAuthorizedNetworksConfig=None,
                privateClusterConfig__enablePrivateEndpoint=False,
                controlPlaneEndpointsConfig={"dnsEndpointConfig": {"allowExternalTraffic": True}},
            ),
        ),
        missing(
            "private-nodes authorized-networks",
            "answers to everybody",
            cluster(privateClusterConfig=None, masterAuthorizedNetworksConfig=None),
        ),
        missing("workload-identity", "workloadPool is missing", cluster(workloadIdentityConfig=None)),
        missing("network-policy", "datapathProvider is missing", cluster(datapathProvider=None)),
        missing("release-channel", "releaseChannel.channel is missing", cluster(releaseChannel=None)),
        unknown(
            "undecided", "enablePrivateNodes is '(unknown)'", cluster(privateClusterConfig__enablePrivateNodes=UNKNOWN)
        ),
        unknown(
            "undecided",
            "masterAuthorizedNetworksConfig is '(unknown)'",
            cluster(masterAuthorizedNetworksConfig=UNKNOWN),
        ),
        unknown("", "", cluster(workloadIdentityConfig__workloadPool=UNKNOWN)),
        good(cluster()),
        good(cluster(enableAutopilot=True, workloadIdentityConfig=None, releaseChannel=None, datapathProvider=None)),
        near(cluster(masterAuthorizedNetworksConfig=None)),
        near(
            cluster(
                masterAuthorizedNetworksConfig=None,
                privateClusterConfig__enablePrivateEndpoint=False,
                controlPlaneEndpointsConfig={"ipEndpointsConfig": {"enabled": False}},
            )
        ),
        near(cluster(loggingConfig={"enableComponents": ["SYSTEM_COMPONENTS"]})),
        near(cluster(datapathProvider=None, networkPolicy={"enabled": True})),
        near(Made("gcp:dataproc/cluster:Cluster", "a", {})),
    ],
    "node-hardening": [
        fail("service-account", "5.2.1", node_pool(nodeConfig__serviceAccount="default")),
        fail("metadata-server", "5.4.1", node_pool(nodeConfig__workloadMetadataConfig__mode="GCE_METADATA")),
        fail(
            "integrity-monitoring",
            "5.5.6",
            node_pool(nodeConfig__shieldedInstanceConfig__enableIntegrityMonitoring=False),
        ),
        fail("node-image", "5.5.1", node_pool(nodeConfig__imageType="UBUNTU_CONTAINERD")),
        fail("auto-upgrade", "5.5.3", node_pool(management__autoUpgrade=False)),
        fail("auto-repair", "5.5.2", node_pool(management__autoRepair=False)),
        fail(
            "service-account secure-boot", "nodePools[0].nodeConfig.serviceAccount", cluster(nodePools=[{"name": "a"}])
        ),
        missing("secure-boot", "enableSecureBoot is missing", node_pool(nodeConfig__shieldedInstanceConfig=None)),
        missing("service-account", "serviceAccount is missing", node_pool(nodeConfig__serviceAccount=None)),
        unknown(
            "undecided",
            "enableSecureBoot is '(unknown)'",
            node_pool(nodeConfig__shieldedInstanceConfig__enableSecureBoot=UNKNOWN),
        ),
        unknown("", "", node_pool(nodeConfig__serviceAccount=UNKNOWN)),
        good(node_pool()),
        good(node_pool(nodeConfig__imageType="cos_containerd", management=None)),
        near(cluster(removeDefaultNodePool=True, nodeConfig={"machineType": "e2-small"})),
        near(node_pool(nodeConfig__flexStart=True, management__autoRepair=False)),
    ],
    "hardening-advised": [
        fail("private-endpoint", "5.6.4", cluster(privateClusterConfig__enablePrivateEndpoint=False)),
        fail("secrets-encryption", "5.3.1", cluster(databaseEncryption__state="DECRYPTED")),
        missing("flow-logs", "logConfig is missing", subnet("nodes", purpose=None)),
        missing("binary-authorization", "5.1.4", cluster(binaryAuthorization=None)),
        missing("rbac-groups", "5.8.2", cluster(authenticatorGroupsConfig=None)),
        missing("intranode-visibility", "5.6.1", cluster(enableIntranodeVisibility=None)),
        missing("maintenance-window", "at any hour", cluster(maintenancePolicy=None)),
        missing("boot-disk-key", "5.9.2", node_pool(nodeConfig__bootDiskKmsKey=None)),
        missing("disk-key", "5.9.1", storage_class()),
        missing("", "", cluster(securityPostureConfig=None)),
        fail("security-posture", "5.10.4", cluster(securityPostureConfig__mode="DISABLED")),
        fail(
            "vulnerability-mode",
            "nothing is scanned",
            cluster(securityPostureConfig__vulnerabilityMode="VULNERABILITY_BASIC"),
        ),
        fail("binary-authorization", "any image", cluster(binaryAuthorization__evaluationMode="DISABLED")),
        unknown("", "", node_pool(nodeConfig__bootDiskKmsKey=UNKNOWN)),
        unknown("undecided", "evaluationMode is '(unknown)'", cluster(binaryAuthorization__evaluationMode=UNKNOWN)),
        good(node_pool()),
        good(storage_class(parameters={"disk-encryption-kms-key": "key"})),
        near(storage_class(provisioner="filestore.csi.storage.gke.io")),
        near(
            cluster(
                privateClusterConfig__enablePrivateEndpoint=False,
                masterAuthorizedNetworksConfig=None,
                controlPlaneEndpointsConfig=BY_NAME,
            )
        ),
        fail(
            "unused-networks",
            "masterAuthorizedNetworksConfig is '35.235.240.0/20': the control plane has no address",
            cluster(controlPlaneEndpointsConfig=BY_NAME),
        ),
        fail(
            "unused-networks",
            "let nobody in and keep nobody out",
            cluster(masterAuthorizedNetworksConfig={}, controlPlaneEndpointsConfig=BY_NAME),
        ),
        missing("", "", cluster(masterAuthorizedNetworksConfig=None, controlPlaneEndpointsConfig=BY_NAME)),
        unknown(
            "undecided",
            "masterAuthorizedNetworksConfig is '(unknown)'",
            cluster(masterAuthorizedNetworksConfig=UNKNOWN, controlPlaneEndpointsConfig=BY_NAME),
        ),
        unknown(
            "undecided",
            "ipEndpointsConfig.enabled is '(unknown)'",
            cluster(controlPlaneEndpointsConfig={"ipEndpointsConfig": {"enabled": UNKNOWN}}),
        ),
        unknown(
            "unused-networks",
            "'(unknown)'",
            cluster(
                masterAuthorizedNetworksConfig={"cidrBlocks": [{"cidrBlock": UNKNOWN}]},
                controlPlaneEndpointsConfig=BY_NAME,
            ),
        ),
        near(cluster(controlPlaneEndpointsConfig={**BY_NAME, "ipEndpointsConfig": {"enabled": True}})),
        near(cluster(controlPlaneEndpointsConfig={"dnsEndpointConfig": {"allowExternalTraffic": True}})),
        unknown(
            "undecided",
            "enablePrivateEndpoint is '(unknown)'",
            cluster(privateClusterConfig__enablePrivateEndpoint=UNKNOWN),
        ),
        good(cluster()),
        good(subnet("nodes", purpose="PRIVATE", logConfig={"flowSampling": 1})),
        near(subnet()),
    ],
    "service-account-keys": [
        fail("service-account-key", "Workload Identity", key()),
        fail("service-account-key", "works from everywhere", key(keyAlgorithm="KEY_ALG_RSA_2048")),
        missing("service-account-key", "a key", Made("gcp:serviceaccount/key:Key", "key", {})),
        unknown("service-account-key", "a key", key(serviceAccountId=UNKNOWN)),
        good(cluster()),
        good(Made("gcp:serviceaccount/account:Account", "a", {})),
        near(key("gcp:recaptcha/key:Key")),
        near(key("gcp:apikeys/key:Key")),
    ],
    "scoped-rights": [
        fail("wildcard", "rules[0].verbs is '*'", role(verbs=["*"])),
        fail("wildcard", "rules[0].resources is '*'", role("Role", resources=["*"])),
        fail("secret-read", "Secrets of every namespace", role(resources=["secrets"])),
        fail("cluster-admin", "owns the cluster", binding("cluster-admin", "team")),
        fail("public-grant", "4.1.8", binding("view", "system:anonymous", "RoleBinding")),
        fail("basic-role", "roles/editor", iam("roles/editor", "serviceAccount:a@b")),
        fail("public-grant", "on the internet", iam("roles/viewer", ["user:a@b", "allUsers"], "iAMBinding:IAMBinding")),
        fail(
            "public-grant",
            "on the internet",
            iam("roles/iap.httpsResourceAccessor", "allUsers", "webIamMember:WebIamMember"),
        ),
        missing("", "", kubernetes("rbac.authorization.k8s.io/v1", "Role", "empty")),
        unknown("undecided", "rules[0] is", role(verbs=UNKNOWN)),
        unknown("", "", iam("roles/viewer", UNKNOWN)),
        good(role()),
        good(binding("view", "team"), iam("roles/viewer", "user:a@b")),
        near(role("Role", resources=["secrets"])),
        near(role(resources=["secrets"], resourceNames=["one"])),
        near(role(resources=["secrets"], verbs=["create"])),
        near(binding("cluster-admin", "team", "RoleBinding")),
    ],
    "deletion-protection": [
        fail("deletion-protection", "before anybody is asked", cluster(deletionProtection=False)),
        fail("force-destroy", "every object in it", bucket(forceDestroy=True)),
        missing("", "", cluster(deletionProtection=None), bucket()),
        unknown("undecided", "deletionProtection is '(unknown)'", cluster(deletionProtection=UNKNOWN)),
        good(cluster()),
        good(bucket(forceDestroy=False)),
        near(Made("gcp:dataproc/cluster:Cluster", "a", {"deletionProtection": False})),
        near(Made("aws:s3/bucket:Bucket", "a", {"forceDestroy": True})),
    ],
}
