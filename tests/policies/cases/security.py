"""Listeners, hardening, Pod Security, secrets, rights and protection."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import (
    GLOBAL,
    cluster,
    deployment,
    gateway,
    https,
    llm,
    llm_config,
    node_pool,
    route,
    server,
    subnet,
    web,
)

INTERNAL: Final = "gke-l7-rilb"
REDIRECT: Final = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]}


def listening(*listeners: Any, class_name: Any = "gke-l7-regional-external-managed", **metadata: Any) -> Made:
    """A Gateway with these listeners."""
    made = gateway(class_name)
    body = {**made.props, "spec": {**made.props["spec"], "listeners": list(listeners)}}
    return Made(made.token, made.name, {**body, "metadata": {**made.props["metadata"], **metadata}})


def plain(**changes: Any) -> dict[str, Any]:
    """A listener without encryption."""
    return {"name": "http", "port": 80, "protocol": "HTTP", **changes}


def redirecting(section: Any) -> Made:
    """A route that redirects to https, on that listener."""
    return route(rule=REDIRECT, parent=[{"name": "inference", "namespace": "gateways", "sectionName": section}])


def addressed(class_name: str, name: Any) -> Made:
    """A Gateway with a named address."""
    made = gateway(class_name)
    spec = {**made.props["spec"], "addresses": [{"type": "NamedAddress", "value": name}]}
    return Made(made.token, made.name, {**made.props, "spec": spec})


def address(scope: str) -> Made:
    """A reserved address."""
    token = "gcp:compute/address:Address" if scope == "regional" else "gcp:compute/globalAddress:GlobalAddress"
    return Made(token, "front", {"name": "front"})


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


def namespace(name: Any = "models") -> Made:
    """A Namespace."""
    return Made(
        "kubernetes:core/v1:Namespace", "ns", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )


def denied(where: Any = "models") -> Made:
    """A NetworkPolicy."""
    return kubernetes("networking.k8s.io/v1", "NetworkPolicy", "deny", where, spec={"podSelector": {}})


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


def context(**fields: Any) -> Made:
    """A Deployment whose container's security context is changed."""
    return deployment(web(**{f"securityContext__{name}": value for name, value in fields.items()}))


def pod(**fields: Any) -> Made:
    """A Deployment with fields on its pods."""
    return deployment(**fields)


CASES: Final[Cases] = {
    "public-plain-http": [
        fail("plain-http", "spec.listeners[0].protocol is 'HTTP'", listening(plain())),
        fail("plain-http", "prompts, answers and API keys", listening(https(), plain(), class_name=GLOBAL)),
        fail("plain-http", "spec.listeners[0]", listening(plain()), route(rule=REDIRECT), route(name="second")),
        missing("", "", listening()),
        unknown("undecided", "protocol is '(unknown)'", listening(plain(protocol=UNKNOWN))),
        unknown("undecided", "gatewayClassName is '(unknown)'", listening(plain(), class_name=UNKNOWN)),
        good(gateway()),
        good(
            listening(plain(), https()),
            route(rule=REDIRECT, parent=[{"name": "inference", "namespace": "gateways", "sectionName": "http"}]),
        ),
        near(listening(plain(), class_name=INTERNAL)),
        near(listening(plain(), class_name="istio")),
    ],
    "gateway-listeners": [
        fail("certificate", "never programmed", listening(https(tls={"mode": "Terminate"}))),
        fail("certificate", "GWCER105", listening(https(tls__certificateRefs=[{"name": "tls"}]))),
        fail(
            "certificate certificate",
            "certificate maps are for global classes",
            listening(https(), annotations={"networking.gke.io/certmap": "map"}),
        ),
        fail(
            "address",
            "declares it as a global address",
            addressed("gke-l7-regional-external-managed", "front"),
            address("global"),
        ),
        fail("address", "declares it as a regional address", addressed(GLOBAL, "front"), address("regional")),
        fail(
            "certificate",
            "several certificate sources",
            listening(
                https(tls__options={f"networking.gke.io/{name}-certs": "a" for name in ("cert-manager", "pre-shared")})
            ),
        ),
        fail("redirect-loop", "too many redirects", listening(plain(), https()), route(rule=REDIRECT)),
        missing("certificate", "spec.listeners[0].tls is missing", listening(https(tls=None))),
        unknown("undecided", "tls is '(unknown)'", listening(https(tls=UNKNOWN))),
        unknown("", "", addressed(GLOBAL, UNKNOWN), address("regional")),
        unknown("undecided", "sectionName is '(unknown)'", listening(plain(), https()), redirecting(UNKNOWN)),
        good(gateway()),
        good(addressed("gke-l7-regional-external-managed", "front"), address("regional")),
        near(listening(https(tls=None), class_name=GLOBAL, annotations={"networking.gke.io/certmap": "map"})),
        near(listening(https(tls=None), class_name="istio")),
        near(listening(plain())),
        near(listening(plain(), https()), redirecting("http")),
        near(addressed("gke-l7-regional-external-managed", "elsewhere"), address("global")),
    ],
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
                controlPlaneEndpointsConfig={"ipEndpointsConfig": {"enabled": False}},
            )
        ),
        unknown(
            "undecided",
            "enablePrivateEndpoint is '(unknown)'",
            cluster(privateClusterConfig__enablePrivateEndpoint=UNKNOWN),
        ),
        good(cluster()),
        good(subnet("nodes", purpose="PRIVATE", logConfig={"flowSampling": 1})),
        near(subnet()),
    ],
    "pod-security-baseline": [
        fail("privileged", "TPUs need no privileged mode", context(privileged=True)),
        fail(
            "privileged",
            "spec.template.containers[0]",
            llm(None, template={"containers": [server(securityContext={"privileged": True})]}),
        ),
        fail("host-namespaces host-namespaces", "hostNetwork is true", pod(hostNetwork=True, hostPID=True)),
        fail("host-path", "volumes[0].hostPath", pod(volumes=[{"name": "a", "hostPath": {"path": "/"}}])),
        fail("capabilities", "SYS_ADMIN", context(capabilities__add=["SYS_ADMIN"])),
        fail("host-ports", "hostPort is 80", deployment(web(ports=[{"containerPort": 80, "hostPort": 80}]))),
        fail("host-probes", "readinessProbe.httpGet.host", deployment(web(readinessProbe__httpGet__host="10.0.0.1"))),
        fail("seccomp", "Unconfined", context(seccompProfile__type="Unconfined")),
        fail("app-armor", "AppArmor", context(appArmorProfile={"type": "Unconfined"})),
        fail("se-linux", "spc_t", context(seLinuxOptions={"type": "spc_t"})),
        fail("proc-mount", "Unmasked", context(procMount="Unmasked")),
        fail("sysctls", "kernel.msgmax", pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]})),
        fail("windows-host-process", "process of the node", context(windowsOptions={"hostProcess": True})),
        missing("", "", deployment(web(securityContext=None))),
        unknown("undecided", "privileged is '(unknown)'", context(privileged=UNKNOWN)),
        unknown("undecided", "volumes is '(unknown)'", pod(volumes=UNKNOWN)),
        good(deployment()),
        good(llm()),
        near(pod(hostNetwork=False, volumes=[{"name": "a", "secret": {"secretName": UNKNOWN}}])),
        near(context(capabilities__add=["NET_BIND_SERVICE"], procMount="Default")),
        near(pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]})),
    ],
    "pod-security-restricted": [
        fail(
            "run-as-non-root",
            "runAsNonRoot is false",
            llm(None, template={"containers": [server(securityContext={"runAsNonRoot": False})]}),
        ),
        fail("privilege-escalation", "set-uid", context(allowPrivilegeEscalation=True)),
        fail("capabilities", "['NET_RAW']", context(capabilities__drop=["NET_RAW"])),
        fail("capabilities", "NET_BIND_SERVICE only", context(capabilities__add=["CHOWN"])),
        fail("run-as-user", "0 is root", context(runAsUser=0)),
        fail("run-as-user", "securityContext.runAsUser is 0", pod(securityContext={"runAsUser": 0})),
        fail("volume-types", "volumes[0].nfs", pod(volumes=[{"name": "a", "nfs": {}}])),
        missing(
            "run-as-non-root privilege-escalation seccomp capabilities",
            "is missing",
            deployment(web(securityContext=None)),
        ),
        unknown("", "", context(runAsNonRoot=UNKNOWN)),
        good(llm()),
        good(deployment()),
        near(deployment(web(securityContext__runAsNonRoot=None), securityContext={"runAsNonRoot": True})),
        near(llm(None, template={"containers": [server(securityContext={"readOnlyRootFilesystem": True})]})),
        near(pod(volumes=[{"name": "a", "emptyDir": {"medium": "Memory"}}])),
    ],
    "literal-secrets": [
        fail(
            "literal-secret",
            "env[HF_TOKEN] is 'HF_TOKEN, in plain text'",
            deployment(web(env=[{"name": "HF_TOKEN", "value": "hf_abc"}])),
        ),
        fail("literal-secret", "--api-key", llm(None, template={"containers": [server(args=["--api-key=sk-1"])]})),
        fail("literal-secret", "--api-key", deployment(web(args=["--api-key", "sk-1"]))),
        fail(
            "literal-secret",
            "known by now",
            llm(None, template={}, baseRefs=[{"name": "base"}]),
            llm_config("base", template={"containers": [server(env=[{"name": "API_KEY", "value": "sk-1"}])]}),
        ),
        missing(
            "",
            "",
            deployment(web(env=[{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "t"}}}])),
        ),
        unknown("", "", deployment(web(env=[{"name": "HF_TOKEN", "value": UNKNOWN}]))),
        good(deployment()),
        good(llm()),
        near(
            deployment(
                web(env=[{"name": "TOKENIZERS_PARALLELISM", "value": "false"}, {"name": "MAX_TOKENS", "value": "8"}])
            )
        ),
        near(
            deployment(
                web(
                    env=[
                        {"name": "HF_TOKEN_PATH", "value": "/var/run/token"},
                        {"name": "DB_PASSWORD", "value": "$(PW)"},
                    ]
                )
            )
        ),
        near(deployment(web(args=["--api-key=$(API_KEY)", "--token", "--verbose"]))),
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
    "namespace-network-policy": [
        fail("network-policy", "4.3.2", namespace()),
        fail("network-policy", "'other'", namespace("other"), denied()),
        missing("", "", denied()),
        unknown("", "", namespace(), denied(UNKNOWN)),
        good(namespace(), denied()),
        good(cluster()),
        near(Made("gcp:firestore/namespace:Namespace", "a", {}), kubernetes("example.com/v1", "Namespace", "a")),
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
