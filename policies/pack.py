"""Every policy of the pack, in the order it runs. `exemptions-in-use` comes last because it reports on the others."""

from __future__ import annotations

from typing import Final

from pulumi_policy import Policy

from policies.clusters import CLUSTER_GATEWAY_API, PROXY_ONLY_SUBNET
from policies.exemption_report import EXEMPTIONS_IN_USE
from policies.gateway_class import GATEWAY_CLASS
from policies.health_checks import HEALTH_CHECK_CONTENT, HEALTH_CHECK_MISSING
from policies.node_pools import TPU_NODE_POOL, TPU_ZONE_UNLISTED
from policies.routes import MANAGED_ROUTE, ROUTE_FEATURES
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
    EXEMPTIONS_IN_USE,
]
