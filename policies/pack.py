"""Every policy of the pack, in the order it runs. `exemptions-in-use` comes last because it reports on the others."""

from __future__ import annotations

from typing import Final

from pulumi_policy import Policy

from policies.access import LITERAL_SECRETS, NETWORK_POLICIES, SCOPED_RIGHTS, SERVICE_ACCOUNT_KEYS
from policies.autoscaling import AUTOSCALER, GRACEFUL_SHUTDOWN, SERVICE_SCALING
from policies.backend_policies import BACKEND_POLICY_CONTENT, BACKEND_TIMEOUT
from policies.capacity import TPU_CAPACITY
from policies.clusters import CLUSTER_GATEWAY_API, PROXY_ONLY_SUBNET
from policies.compatibility import INFERENCE_API, VERSION_COMPATIBILITY
from policies.exemption_report import EXEMPTIONS_IN_USE
from policies.exposure import GATEWAY_LISTENERS, PLAIN_HTTP
from policies.gateway_class import GATEWAY_CLASS
from policies.hardening import CLUSTER_HARDENING, HARDENING_ADVISED, NODE_HARDENING
from policies.health_agreement import HEALTH_AGREEMENT, PROBE_PATHS
from policies.health_checks import HEALTH_CHECK_CONTENT, HEALTH_CHECK_MISSING
from policies.images import IMAGES
from policies.kserve_install import CRD_OWNER, KSERVE_INSTALL
from policies.node_pools import TPU_NODE_POOL, TPU_ZONE_UNLISTED
from policies.pod_security import POD_SECURITY_BASELINE, POD_SECURITY_RESTRICTED
from policies.protection import DELETION_PROTECTED
from policies.routes import MANAGED_ROUTE, ROUTE_FEATURES
from policies.vllm_servers import STARTUP_BUDGET, VLLM_SERVER
from policies.workloads import TPU_WORKLOAD

NAME: Final = "gke-tpu-inference"

POLICIES: Final[list[Policy]] = [
    CLUSTER_GATEWAY_API,
    TPU_NODE_POOL,
    TPU_ZONE_UNLISTED,
    ROUTE_FEATURES,
    HEALTH_CHECK_CONTENT,
    GATEWAY_CLASS,
    HEALTH_CHECK_MISSING,
    MANAGED_ROUTE,
    PROXY_ONLY_SUBNET,
    TPU_WORKLOAD,
    HEALTH_AGREEMENT,
    PROBE_PATHS,
    BACKEND_TIMEOUT,
    BACKEND_POLICY_CONTENT,
    VLLM_SERVER,
    STARTUP_BUDGET,
    IMAGES,
    KSERVE_INSTALL,
    CRD_OWNER,
    VERSION_COMPATIBILITY,
    INFERENCE_API,
    TPU_CAPACITY,
    AUTOSCALER,
    SERVICE_SCALING,
    GRACEFUL_SHUTDOWN,
    GATEWAY_LISTENERS,
    PLAIN_HTTP,
    CLUSTER_HARDENING,
    NODE_HARDENING,
    HARDENING_ADVISED,
    POD_SECURITY_BASELINE,
    POD_SECURITY_RESTRICTED,
    LITERAL_SECRETS,
    SERVICE_ACCOUNT_KEYS,
    SCOPED_RIGHTS,
    NETWORK_POLICIES,
    DELETION_PROTECTED,
    EXEMPTIONS_IN_USE,
]
