"""Which versions go together: GKE with TPUs and Gateway features, KServe with the CRDs and images around it.

Owns relations of versions between objects. Does not own version arithmetic (`versions.py`) nor what else an installation of
KServe needs (`kserve_install.py`).
Sources: gateway-api-inference-extension v1.5.0 and v1.6.0 release notes (2026-08-10), PR #2796; kserve-deps.env at v0.17.0 to
v0.20.0; GKE's GatewayClass capabilities page (2026) for the bundles; GKE's conformance reports v1.3 to v1.6 in
kubernetes-sigs/gateway-api (2026-07-23) for the features; GKE release channel documentation (2026).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from rules import versions
from rules.finding import Finding
from rules.gateway import INFERENCE_POOL, INFERENCE_POOL_GROUP, RETIRED_INFERENCE_POOL_GROUP
from rules.kserve_install import parse
from rules.tpu import MACHINE_TYPES

CHANNELS: Final = ("RAPID", "REGULAR", "STABLE", "EXTENDED")
CHANNEL_FLOORS: Final[Mapping[str, str]] = dict.fromkeys(
    ("RAPID", "REGULAR", "STABLE"), versions.MINIMUM_OWNED_INFERENCE_POOL_CRD
)
"""A version that no cluster of these release channels is older than, as of 2026-11-21: STABLE made new clusters of 1.34.6 by May
(GKE's release notes of 2026-05-27), 1.33 left standard support on 2026-08-03 (endoflife.date), and GKE upgrades what is out of
it. EXTENDED keeps a minor version for two years and has no floor here."""
GATEWAY_API_BUNDLES: Final = {
    "1.1": "1.30.2-gke.1783000",
    "1.2": "1.32.2-gke.1475000",
    "1.3": "1.33.2-gke.1335000",
    "1.4": "1.34.1-gke.1822000",
    "1.5": "1.35.2-gke.1842000",
    "1.6": "1.36.2-gke.2154000",
}
"""The Gateway API whose CRDs GKE installs, and the first GKE version with them."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """Something that GKE's Gateway controller does from a version on."""

    what: str
    minimum: str
    """First GKE version with it; a minor version where the reports tell no more."""
    before: str
    """What one sees with an older one."""


_REFUSED: Final = "the controller refuses the route (GWCER104), which can stop the whole Gateway"
_DROPPED: Final = "the CRD of that version has no such field, and the API server drops it without a word"
QUERY_PARAMETERS: Final = Feature(what="matching by query parameter", minimum="1.35", before=_REFUSED)
MIRROR_SHARE: Final = Feature(what="mirroring a share of requests", minimum="1.33", before=_REFUSED)
BACKEND_TLS_POLICY: Final = Feature(
    what="BackendTLSPolicy", minimum="1.35", before="GKE has no such CRD: 'no matches for kind BackendTLSPolicy'"
)
FRONTEND_TLS: Final = Feature(what="certificates of clients (spec.tls.frontend)", minimum="1.35", before=_DROPPED)
BACKEND_CERTIFICATE: Final = Feature(
    what="a client certificate towards backends (spec.tls.backend)", minimum="1.36", before=_DROPPED
)
INFERENCE_BACKENDS: Final = Feature(
    what="InferencePool backends",
    minimum=versions.MINIMUM_INFERENCE_GATEWAY,
    before="the controller does not know the kind, and the route is not programmed",
)
FEATURES: Final = (
    INFERENCE_BACKENDS,
    MIRROR_SHARE,
    QUERY_PARAMETERS,
    BACKEND_TLS_POLICY,
    FRONTEND_TLS,
    BACKEND_CERTIFICATE,
)
RECENT: Final = tuple(
    f for f in FEATURES if not versions.at_least(versions.MINIMUM_OWNED_INFERENCE_POOL_CRD, f.minimum)
)
"""Those that clusters of the three channels need not have yet (`CHANNEL_FLOORS`)."""


@dataclass(frozen=True, kw_only=True)
class Crds:
    """The CRDs that a minor release of KServe is built and tested with."""

    inference_extension: tuple[int, int]
    gateway_api: str


KSERVE_CRDS: Final = {
    (0, 17): Crds(inference_extension=(1, 3), gateway_api="1.4.1"),
    (0, 18): Crds(inference_extension=(1, 3), gateway_api="1.4.1"),
    (0, 19): Crds(inference_extension=(1, 3), gateway_api="1.4.1"),
    (0, 20): Crds(inference_extension=(1, 5), gateway_api="1.5.1"),
}
_EXTENSION_RELEASE: Final = re.compile(r"gateway-api-inference-extension/(?:releases/download/|raw/)?v?(\d+)\.(\d+)")
_EXTENSION_REF: Final = re.compile(r"gateway-api-inference-extension.*[?&]ref=v?(\d+)\.(\d+)")
OBJECTIVE_API_VERSION: Final = "llm-d.ai/v1alpha2"
RETIRED_KINDS: Final = {
    INFERENCE_POOL: f"Write apiVersion {INFERENCE_POOL_GROUP}/v1 with selector.matchLabels, targetPorts and endpointPickerRef.",
    "InferenceModel": f"Write an InferenceObjective of {OBJECTIVE_API_VERSION} for its priority, or nothing.",
    "InferenceObjective": f"Write apiVersion {OBJECTIVE_API_VERSION}.",
}


def check_machine_version(cluster_version: str, machine_type: str) -> list[Finding]:
    """Whether a cluster pinned to that version takes node pools of that machine type; the path is the pool's."""
    machine = MACHINE_TYPES.get(machine_type)
    if machine is None or machine.minimum_gke_version is None:
        return []
    try:
        if versions.at_least(cluster_version, machine.minimum_gke_version):
            return []
    except ValueError:
        return []  # the cluster's own rule says so
    return [
        Finding(
            path="nodeConfig.machineType",
            value=machine_type,
            reason=f"the cluster's minimum version is {cluster_version}, and GKE knows {machine_type} only from "
            f"{machine.minimum_gke_version}",
            remedy=f"Write minMasterVersion: {machine.minimum_gke_version} or newer on the cluster.",
            rule="machine-version",
        )
    ]


def check_pool_version(cluster_version: str, pool_version: str) -> list[Finding]:
    """Whether a node pool's version is one its control plane accepts; the path is the pool's."""
    try:
        pool, cluster = versions.parse(pool_version), versions.parse(cluster_version)
    except ValueError:
        return []
    if pool[:2] <= cluster[:2]:
        return []
    return [
        Finding(
            path="version",
            value=pool_version,
            reason=f"nodes cannot be newer than their control plane, whose minimum is {cluster_version}",
            remedy=f"Raise the cluster's minMasterVersion to {pool_version}, or leave the pool's version out.",
            rule="pool-version",
        )
    ]


def check_inference_kind(group: str, kind: str) -> list[Finding]:
    """Whether an inference object is of a group that its controllers still read."""
    if group != RETIRED_INFERENCE_POOL_GROUP or kind not in RETIRED_KINDS:
        return []
    return [
        Finding(
            path="apiVersion",
            value=f"{group}/…",
            reason=f"{kind} left this group: the API server answers 'no matches for kind', or takes it from an old CRD and "
            "nobody reads it",
            remedy=RETIRED_KINDS[kind],
            rule="retired-api",
        )
    ]


def route_features(rule: Mapping[str, Any]) -> list[tuple[Feature, str]]:
    """What one rule of an HTTPRoute asks of newer versions, each with the path below the rule."""
    found: list[tuple[Feature, str]] = []
    for index, match in enumerate(_maps(rule.get("matches"))):
        if match.get("queryParams"):
            found.append((QUERY_PARAMETERS, f"matches[{index}].queryParams"))
    for index, item in enumerate(_maps(rule.get("filters"))):
        mirror: object = item.get("requestMirror")
        if isinstance(mirror, Mapping) and any(mirror.get(name) is not None for name in ("percent", "fraction")):
            found.append((MIRROR_SHARE, f"filters[{index}].requestMirror"))
    for index, backend in enumerate(_maps(rule.get("backendRefs"))):
        if backend.get("kind") == INFERENCE_POOL:
            found.append((INFERENCE_BACKENDS, f"backendRefs[{index}].kind"))
    return found


def gateway_features(tls: Mapping[str, Any]) -> list[tuple[Feature, str]]:
    """What a Gateway's `spec.tls` asks of newer versions."""
    wanted = (("frontend", FRONTEND_TLS), ("backend", BACKEND_CERTIFICATE))
    return [(feature, f"spec.tls.{name}") for name, feature in wanted if tls.get(name) is not None]


def check_feature(feature: Feature, gke_version: str, path: str) -> list[Finding]:
    """Whether every cluster of at least that version has the feature."""
    try:
        enough = versions.at_least(gke_version, feature.minimum)
    except ValueError:
        return []  # the cluster's own rule says so
    if enough:
        return []
    return [
        Finding(
            path=path,
            value=feature.what,
            reason=f"GKE has it from {feature.minimum}, and the cluster may be as old as {gke_version}: {feature.before}",
            remedy=f"Write minMasterVersion: '{feature.minimum}' or newer on the cluster, or do without it.",
            rule="feature-version",
        )
    ]


def check_extension_crds(source: str, kserve: str, path: str) -> list[Finding]:
    """Whether CRDs from a file or address of gateway-api-inference-extension are new enough for that KServe."""
    match = _EXTENSION_RELEASE.search(source) or _EXTENSION_REF.search(source)
    numbers = parse(kserve)
    built = KSERVE_CRDS.get(numbers[:2]) if numbers is not None else None
    if match is None or built is None or (int(match[1]), int(match[2])) >= built.inference_extension:
        return []
    wanted = ".".join(map(str, built.inference_extension))
    return [
        Finding(
            path=path,
            value=source,
            reason=f"KServe {kserve} is built against release {wanted} of these CRDs, and what an older one lacks is dropped "
            "without a word",
            remedy=f"Write release v{wanted}.0, or leave the CRD to GKE from {versions.MINIMUM_OWNED_INFERENCE_POOL_CRD}.",
            rule="crd-version",
        )
    ]


def _maps(value: object) -> list[Mapping[str, Any]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", item) for item in items if isinstance(item, Mapping)]
