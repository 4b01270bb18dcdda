"""What belongs to regional load balancers, as the official provider treats it: Cloud Armor and SSL policies."""

from __future__ import annotations

from typing import Final

from rules.edge import MINIMUM_TLS, SECURITY_POLICY_TYPE, SSL_PROFILES
from sandbox.gcp.resource import ResourceType

REGION_SECURITY_POLICY: Final = ResourceType(
    type="gcp:compute/regionSecurityPolicy:RegionSecurityPolicy",
    kind="compute.regionSecurityPolicies",
    noun="RegionSecurityPolicy",
    id="projects/{project}/regions/{region}/securityPolicies/{name}",
    imports=("{project}/{region}/{name}", "{region}/{name}", "{name}"),
    scope=("project", "region"),
    force_new=frozenset({"name", "project", "region", "type"}),
    computed=frozenset({"rules"}),
    enums={"type": (SECURITY_POLICY_TYPE, f"{SECURITY_POLICY_TYPE}_EDGE", f"{SECURITY_POLICY_TYPE}_NETWORK")},
)

REGION_SSL_POLICY: Final = ResourceType(
    type="gcp:compute/regionSslPolicy:RegionSslPolicy",
    kind="compute.regionSslPolicies",
    noun="RegionSslPolicy",
    id="projects/{project}/regions/{region}/sslPolicies/{name}",
    imports=("{project}/{region}/{name}", "{region}/{name}", "{name}"),
    scope=("project", "region"),
    defaults={"profile": SSL_PROFILES[0], "minTlsVersion": MINIMUM_TLS[0]},
    force_new=frozenset({"name", "project", "region", "description"}),
    sets=frozenset({"customFeatures"}),
    enums={"profile": (*SSL_PROFILES, "CUSTOM", "FIPS_202205"), "minTlsVersion": MINIMUM_TLS},
)

TYPES: Final = (REGION_SECURITY_POLICY, REGION_SSL_POLICY)
