"""Do the versions in the stack go together: clusters with their node pools and with what routes ask of them, KServe with CRDs?

Objects are judged against the stack's cluster only where there is one, since a reference to it is unknown at preview. KServe's
own charts and images are `kserve_install.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from pulumi_policy import Severity

from policies.framework import Report, resource_policy, stack_policy
from policies.node_pools import CLUSTER, pools
from policies.releases import RELEASE_KINDS, gke_version, oldest_gke_version, read_releases
from policies.resources import Resource
from policies.routes import route_spec
from policies.routing import rules_of
from rules.compatibility import (
    BACKEND_TLS_POLICY,
    INFERENCE_BACKENDS,
    RECENT,
    RETIRED_KINDS,
    Feature,
    check_extension_crds,
    check_feature,
    check_inference_kind,
    check_machine_version,
    check_pool_version,
    gateway_features,
    route_features,
)
from rules.gateway import GATEWAY_GROUP
from rules.kserve import GROUP, KSERVE_CHART, LLM_INFERENCE_SERVICE, LLM_INFERENCE_SERVICE_CONFIG

FILE_KINDS: Final = ("ConfigFile", "ConfigGroup")


def _check(resources: list[Resource], report: Report) -> None:
    clusters = [r for r in resources if r.token == CLUSTER]
    if len(clusters) == 1:
        version = gke_version(resources)
        if version is not None:
            _check_pools(resources, version, report)
        oldest, pinned = oldest_gke_version(resources), clusters[0].at("minMasterVersion")
        for resource in resources:
            for feature, path in _features(resource):
                if oldest is not None:
                    report.findings(check_feature(feature, oldest, path), resource)
                elif pinned.unknown and feature in RECENT:
                    report.undecided(pinned, f"whether the cluster has {feature.what}", clusters[0])
    _check_crds(resources, report)


def _check_pools(resources: list[Resource], version: str, report: Report) -> None:
    for resource in resources:
        for pool, _ in pools(resource):
            machine, own = pool.at("nodeConfig", "machineType").get(str), pool.at("version").get(str)
            findings = check_machine_version(version, machine) if machine is not None else []
            findings += check_pool_version(version, own) if own is not None else []
            report.findings((finding.under(pool.path) for finding in findings), resource)


def _features(resource: Resource) -> Iterator[tuple[Feature, str]]:
    """What an object asks of newer versions of GKE, and where."""
    if resource.group == GATEWAY_GROUP:
        if resource.kind == "BackendTLSPolicy":
            yield BACKEND_TLS_POLICY, "kind"
        elif resource.kind == "Gateway":
            tls = resource.at("spec", "tls").of(dict)
            yield from gateway_features(cast("dict[str, Any]", tls.value) if tls.known else {})
    spec = route_spec(resource)
    for rule in rules_of(spec) if spec is not None else ():
        known = rule.of(dict)
        if known.known:
            found = route_features(cast("dict[str, Any]", known.value))
            yield from ((feature, f"{rule.path}.{path}") for feature, path in found)
    scheduler = resource.at("spec", "router", "scheduler")
    if resource.kind == LLM_INFERENCE_SERVICE and resource.group == GROUP and scheduler.known:
        yield INFERENCE_BACKENDS, scheduler.path


def _check_crds(resources: list[Resource], report: Report) -> None:
    releases = [r for r in read_releases(resources) if r.chart == KSERVE_CHART.name]
    kserve = releases[0].version.get(str) if releases else None
    for resource in resources if kserve is not None else ():
        if resource.kind in FILE_KINDS:
            for field in (resource.at("file"), *resource.at("files").items()):
                report.findings(check_extension_crds(field.get(str) or "", kserve or "", field.path), resource)


def _check_api(resource: Resource, report: Report) -> None:
    report.findings(check_inference_kind(resource.group, resource.kind), resource)


VERSION_COMPATIBILITY: Final = stack_policy(
    name="version-compatibility",
    title="Cluster, node pools, routes and CRDs are of fitting versions",
    description="A cluster's version must know the machine types of its node pools and what its routes and Gateways ask for.",
    remediation="Raise the cluster's minMasterVersion to what its machine types and routes need; compatibility.md lists it.",
    severity=Severity.HIGH,
    tags=["gke", "tpu", "gateway", "kserve"],
    kinds=[
        *("Cluster", "NodePool", "HTTPRoute", "Gateway", "BackendTLSPolicy"),
        *(LLM_INFERENCE_SERVICE, LLM_INFERENCE_SERVICE_CONFIG, *RELEASE_KINDS, *FILE_KINDS),
    ],
    check=_check,
)

INFERENCE_API: Final = resource_policy(
    name="inference-api-version",
    title="Inference objects are of groups that are still read",
    description="The alpha group of InferencePool, InferenceModel and InferenceObjective is retired.",
    remediation="Write InferencePool v1 of inference.networking.k8s.io and InferenceObjective of llm-d.ai.",
    severity=Severity.HIGH,
    tags=["gateway", "kserve"],
    kinds=list(RETIRED_KINDS),
    check=_check_api,
)
