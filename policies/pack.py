"""Every policy of the pack, in the order it runs. `exemptions-in-use` comes last because it reports on the others."""

from __future__ import annotations

from typing import Final

from pulumi_policy import Policy

from policies.accelerators import TPU_ACCELERATOR
from policies.access import LITERAL_SECRETS, NETWORK_POLICIES, SCOPED_RIGHTS, SERVICE_ACCOUNT_KEYS
from policies.alerts import ALERT_SCOPE
from policies.autoscaling import AUTOSCALER, GRACEFUL_SHUTDOWN, SERVICE_SCALING
from policies.backend_policies import BACKEND_POLICY_CONTENT, BACKEND_TIMEOUT
from policies.backend_tls import BACKEND_TLS
from policies.callers import PUBLIC_ANONYMOUS
from policies.capacity import TPU_CAPACITY
from policies.clusters import CLUSTER_GATEWAY_API, PROXY_ONLY_SUBNET
from policies.compatibility import INFERENCE_API, VERSION_COMPATIBILITY
from policies.compute_classes import COMPUTE_CLASS
from policies.edge_protection import EDGE_PROTECTION
from policies.encryption import CMEK_DEFAULT_POOL
from policies.endpoint_pickers import ENDPOINT_PICKER
from policies.exemption_report import EXEMPTIONS_IN_USE
from policies.exposure import GATEWAY_LISTENERS, PLAIN_HTTP
from policies.firewalls import FIREWALL_OPEN
from policies.gateway_class import GATEWAY_CLASS
from policies.hardening import CLUSTER_HARDENING, HARDENING_ADVISED, NODE_HARDENING
from policies.health_agreement import HEALTH_AGREEMENT, PROBE_PATHS
from policies.health_checks import HEALTH_CHECK_CONTENT, HEALTH_CHECK_MISSING
from policies.images import IMAGES
from policies.kserve_install import CRD_OWNER, KSERVE_INSTALL
from policies.memory import MODEL_MEMORY, MODEL_SIZE
from policies.namespaces import LOAD_BALANCER_INGRESS, NAMESPACE_POD_SECURITY
from policies.node_pools import TPU_NODE_POOL, TPU_ZONE_UNLISTED
from policies.placeholders import PLACEHOLDERS_LEFT
from policies.pod_security import POD_SECURITY_BASELINE, POD_SECURITY_RESTRICTED
from policies.protection import DELETION_PROTECTED
from policies.route_order import ROUTE_ORDER
from policies.routes import MANAGED_ROUTE, ROUTE_FEATURES
from policies.vllm_servers import STARTUP_BUDGET, VLLM_SERVER
from policies.volumes import VOLUME_SHARING
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
    ROUTE_ORDER,
    PROXY_ONLY_SUBNET,
    TPU_WORKLOAD,
    TPU_ACCELERATOR,
    HEALTH_AGREEMENT,
    PROBE_PATHS,
    BACKEND_TIMEOUT,
    BACKEND_POLICY_CONTENT,
    BACKEND_TLS,
    VLLM_SERVER,
    STARTUP_BUDGET,
    MODEL_MEMORY,
    MODEL_SIZE,
    ENDPOINT_PICKER,
    IMAGES,
    KSERVE_INSTALL,
    CRD_OWNER,
    VERSION_COMPATIBILITY,
    INFERENCE_API,
    TPU_CAPACITY,
    COMPUTE_CLASS,
    AUTOSCALER,
    SERVICE_SCALING,
    GRACEFUL_SHUTDOWN,
    VOLUME_SHARING,
    GATEWAY_LISTENERS,
    PLAIN_HTTP,
    PUBLIC_ANONYMOUS,
    EDGE_PROTECTION,
    CLUSTER_HARDENING,
    NODE_HARDENING,
    HARDENING_ADVISED,
    CMEK_DEFAULT_POOL,
    FIREWALL_OPEN,
    POD_SECURITY_BASELINE,
    POD_SECURITY_RESTRICTED,
    LITERAL_SECRETS,
    SERVICE_ACCOUNT_KEYS,
    SCOPED_RIGHTS,
    NETWORK_POLICIES,
    NAMESPACE_POD_SECURITY,
    LOAD_BALANCER_INGRESS,
    DELETION_PROTECTED,
    ALERT_SCOPE,
    PLACEHOLDERS_LEFT,
    EXEMPTIONS_IN_USE,
]
