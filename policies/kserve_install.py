"""Is KServe installed in a version and a manner that works on GKE, with everything its services need?

Reads the stack's Helm releases, CRDs and YAML files. Where the stack installs no KServe, somebody else does, and only what is
wrong in itself is reported. What is needed is `rules.kserve_install`'s knowledge.
"""

from __future__ import annotations

from typing import Final

from pulumi_policy import Severity

from policies.framework import Report, at, stack_policy
from policies.node_pools import CLUSTER
from policies.pods import POD_KINDS, pod_templates
from policies.reading import Field
from policies.releases import RELEASE_KINDS, Release, oldest_gke_version, read_releases
from policies.resources import Resource
from policies.routing import KINDS, Stack
from rules import image as images
from rules.finding import Finding
from rules.gateway import GATEWAY_API_CHANNEL
from rules.kserve import (
    CERT_MANAGER_CHART,
    CERT_MANAGER_VERSION,
    INFERENCE_SERVICE_CONFIG_MAP,
    KSERVE_CHART,
    KSERVE_CRD_CHART,
    KSERVE_PRESETS_CHART,
    KSERVE_VERSION,
    LWS_CHART,
    LWS_VERSION,
)
from rules.kserve_install import (
    CONTROLLER_IMAGE,
    INFERENCE_POOL_CRD,
    LWS_CRD,
    RETIRED_CHARTS,
    check_configuration,
    check_crd,
    check_endpoint_picker,
    check_kserve_version,
    check_lws_version,
    check_pool_crd_owner,
    check_pool_crd_present,
    check_retired_chart,
    check_same_version,
)

CRD: Final = "CustomResourceDefinition"
_FILES: Final = ("ConfigFile", "ConfigGroup")
_CHARTS: Final = (
    KSERVE_CHART.name,
    KSERVE_CRD_CHART.name,
    f"{KSERVE_CRD_CHART.name}-minimal",
    KSERVE_PRESETS_CHART.name,
)
_OBJECTS: Final = ("ConfigMap", "Deployment", "LeaderWorkerSet", "Cluster")
_POOL_FILES: Final = "gateway-api-inference-extension"


def _check(resources: list[Resource], report: Report) -> None:
    releases = read_releases(resources)
    by_chart = {release.chart: release for release in releases}
    for release in releases:
        if release.resource.at("chart").unknown:
            report.undecided(release.resource.at("chart"), "whether this chart is KServe's", release.resource)
        if release.chart in RETIRED_CHARTS:
            report.findings(check_retired_chart(release.chart), release.resource)
        elif release.chart in _CHARTS:
            _check_version(release, by_chart, report)
    _check_images(resources, by_chart, report)
    controller = by_chart.get(KSERVE_CHART.name)
    if controller is not None:
        _check_companions(controller, by_chart, resources, report)
    if controller is not None or any(r.token == CLUSTER for r in resources):
        _check_lws(resources, by_chart, report)


def _check_version(release: Release, by_chart: dict[str, Release], report: Report) -> None:
    version = release.version
    if version.unknown:
        report.undecided(version, "whether this KServe works behind a GKE Gateway", release.resource)
    elif not (version.missing and release.local):
        report.findings(check_kserve_version(version.get(str)), release.resource)
    text = version.get(str)
    if release.chart == KSERVE_CHART.name and text is not None:
        known = {name: by_chart[name].version.get(str) for name in _CHARTS if name in by_chart}
        others = {name: other for name, other in known.items() if other is not None and name != release.chart}
        report.findings(check_same_version(release.chart, text, others), release.resource)


def _check_images(resources: list[Resource], by_chart: dict[str, Release], report: Report) -> None:
    """The controller's version where it is installed from YAML, and endpoint pickers of services."""
    controller = by_chart.get(KSERVE_CHART.name)
    kserve = None if controller is None else controller.version.get(str)
    for template in pod_templates(r for r in resources if r.kind == "Deployment"):
        for container in template.containers():
            reference = images.parse(container.at("image").get(str) or "")
            if reference.repository.endswith(CONTROLLER_IMAGE) and reference.tag is not None:
                report.findings(check_kserve_version(reference.tag, container.at("image").path), template.resource)
                kserve = kserve or reference.tag
    if kserve is None:
        return
    for service in Stack(resources).services:
        for container in service.scheduler.at("template", "containers").items():
            field = container.at("image")
            reference = images.parse(field.get(str) or "")
            findings = check_endpoint_picker(reference.repository, reference.tag, kserve, field.path)
            report.findings(findings, service.resource)


def _check_companions(
    controller: Release, by_chart: dict[str, Release], resources: list[Resource], report: Report
) -> None:
    create = controller.values.at("kserve", "llmisvc", "createGIECRDs").of(bool)
    gke = oldest_gke_version(resources)
    if create.unknown:
        report.undecided(create, "who owns the InferencePool CRD", controller.resource)
    else:
        wanted = create.get(bool) is not False
        declared = any(r.kind == CRD and r.name == INFERENCE_POOL_CRD for r in resources) or any(
            _POOL_FILES in text for r in resources if r.kind in _FILES for text in _file_texts(r)
        )
        findings = check_pool_crd_owner(wanted, gke, create.path)
        findings += check_pool_crd_present(wanted or declared, gke, create.path)
        report.findings(findings, controller.resource)
    _check_configuration(controller, resources, report)
    charts = {KSERVE_CRD_CHART.name, f"{KSERVE_CRD_CHART.name}-minimal"}
    if charts.isdisjoint(by_chart) and not any(
        r.kind == CRD and str(r.name).endswith(".serving.kserve.io") for r in resources
    ):
        why = "the controller ends at start without its CRDs"
        report.finding(_absent(KSERVE_CRD_CHART.name, why), controller.resource)
    if CERT_MANAGER_CHART.name not in by_chart and not any(
        r.kind == CRD and "cert-manager.io" in str(r.name) for r in resources
    ):
        why = "the chart holds Certificates, and its webhook never gets the one it needs: 'no matches for kind Certificate'"
        report.finding(_absent(f"{CERT_MANAGER_CHART.name} {CERT_MANAGER_VERSION}", why), controller.resource)
    lws, kserve = by_chart.get(LWS_CHART.name), controller.version.get(str)
    if lws is not None and kserve is not None and lws.version.get(str) is not None:
        report.findings(check_lws_version(str(lws.version.value), kserve), lws.resource)
    _check_presets(controller, by_chart.get(KSERVE_PRESETS_CHART.name), resources, report)


def _check_configuration(controller: Release, resources: list[Resource], report: Report) -> None:
    values = controller.values.at("kserve")
    own, shared = values.at("inferenceServiceConfig", "enabled"), values.at("createSharedResources").of(bool)
    if own.unknown or shared.unknown:
        report.undecided(own if own.unknown else shared, "who writes KServe's configuration", controller.resource)
        return
    # The chart's own precedence: `enabled`, where it is neither empty nor false, else createSharedResources.
    writes = own.value not in (None, "", False) or shared.get(bool) is not False
    declared = any(r.kind == "ConfigMap" and r.name == INFERENCE_SERVICE_CONFIG_MAP for r in resources)
    path = own.path if own.known and own.value else shared.path
    report.findings(check_configuration(chart_writes=writes, declared=declared, path=path), controller.resource)


def _check_presets(controller: Release, presets: Release | None, resources: list[Resource], report: Report) -> None:
    if not Stack(resources).services:
        return
    why = "services stay PresetsCombined=False (ConfigNotFound) without KServe's presets"
    if presets is None:
        report.finding(_absent(f"{KSERVE_PRESETS_CHART.name} {KSERVE_VERSION}", why), controller.resource)
        return
    enabled = presets.values.at("kserve", "llmisvcConfigs", "enabled").of(bool)
    if enabled.unknown:
        report.undecided(enabled, "whether KServe's presets are installed", presets.resource)
    elif enabled.get(bool) is not True:
        report.finding(
            Finding(
                path=enabled.path,
                value=enabled.value,
                reason=f"the chart installs nothing by default, and {why}",
                remedy="Write true.",
                rule="presets",
            ),
            presets.resource,
        )


def _check_lws(resources: list[Resource], by_chart: dict[str, Release], report: Report) -> None:
    if LWS_CHART.name in by_chart or any(r.kind == CRD and r.name == LWS_CRD for r in resources):
        return
    if any(
        "lws" in text or "leaderworkerset" in text for r in resources if r.kind in _FILES for text in _file_texts(r)
    ):
        return
    users = [(s.resource, s.spec.at("worker")) for s in Stack(resources).services]
    users += [(r, Field("kind", r.kind)) for r in resources if r.kind == "LeaderWorkerSet"]
    for resource, field in users:
        if not field.missing:
            report.finding(
                at(
                    _absent(
                        f"{LWS_CHART.name} {LWS_VERSION}",
                        "'no matches for kind LeaderWorkerSet': a group of pods needs its controller, and KServe looks for it "
                        "at start only",
                    ),
                    field.path,
                ),
                resource,
            )


def _absent(what: str, why: str) -> Finding:
    return Finding(
        path="chart",
        value=f"alone, without {what}",
        reason=f"nothing in the stack installs it; {why}",
        remedy=f"Declare a Release of {what} and let this one depend on it.",
        rule="companion",
    )


def _file_texts(resource: Resource) -> list[str]:
    fields = [resource.at("file"), *resource.at("files").items()]
    return [text for field in fields if (text := field.get(str)) is not None]


def _check_crds(resources: list[Resource], report: Report) -> None:
    gke = oldest_gke_version(resources)
    clusters = [r for r in resources if r.token == CLUSTER]
    gateway_api = any(r.at("gatewayApiConfig", "channel").get(str) == GATEWAY_API_CHANNEL for r in clusters)
    for resource in resources:
        if resource.kind == CRD and isinstance(resource.name, str):
            report.findings(check_crd(resource.name, gke, gateway_api=gateway_api), resource)
        elif resource.kind in _FILES:
            for text in _file_texts(resource):
                name = INFERENCE_POOL_CRD if _POOL_FILES in text else ""
                if "kubernetes-sigs/gateway-api/" in text:
                    name = "gateways.gateway.networking.k8s.io"
                for finding in check_crd(name, gke, gateway_api=gateway_api):
                    path = "file" if resource.at("files").missing else "files"
                    report.finding(at(finding, path), resource)


KSERVE_INSTALL: Final = stack_policy(
    name="kserve-install",
    title="KServe is installed as GKE needs it",
    description="KServe's charts must be of one release from v0.19, with presets, cert-manager and, for groups of pods, LWS.",
    remediation="Install cert-manager, LWS, CRDs, controller and presets as pinned releases of one KServe version.",
    severity=Severity.HIGH,
    tags=["kserve", "gke"],
    kinds=(
        *dict.fromkeys(
            (*KINDS, *RELEASE_KINDS, CRD, *_FILES, "ConfigMap", "Deployment", "LeaderWorkerSet", "Cluster", *POD_KINDS)
        ),
    ),
    check=_check,
)

CRD_OWNER: Final = stack_policy(
    name="gke-owned-crd",
    title="Nobody declares a CRD that GKE owns",
    description="GKE installs and reconciles the CRDs of its Gateway controller; a second owner breaks both.",
    remediation="Delete those CRDs from the program; write createGIECRDs: false for KServe's chart.",
    severity=Severity.HIGH,
    tags=["gke", "gateway"],
    kinds=(CRD, *_FILES, "Cluster"),
    check=_check_crds,
)
