"""What an installation of KServe needs: versions that fit, the right owner for each CRD, presets, LWS, cert-manager.

Owns the conditions around KServe's charts and controller. Does not own the charts' names and pins (`kserve.py`).
Sources: kserve/kserve kserve-deps.env and charts at v0.17 to v0.20 (2026-03 to 2026-08), issues #5531, #5751, #5947; llm-d's GKE
guide on the InferencePool CRD (2026); llm-d/llm-d-router v0.9 and v0.10 release notes (2026-08).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rules import versions
from rules.finding import Finding
from rules.gateway import INFERENCE_POOL_GROUP, RETIRED_INFERENCE_POOL_GROUP
from rules.kserve import INFERENCE_SERVICE_CONFIG_MAP, KSERVE_VERSION, LWS_VERSION, MINIMUM_VERSION

INFERENCE_POOL_CRD: Final = f"inferencepools.{INFERENCE_POOL_GROUP}"
LWS_CRD: Final = "leaderworkersets.leaderworkerset.x-k8s.io"
RETIRED_CHARTS: Final = {"llmisvc-crd": "kserve-llmisvc-crd", "llmisvc-resources": "kserve-llmisvc-resources"}
"""Names that KServe's charts had before v0.17."""
CONTROLLER_IMAGE: Final = "kserve/llmisvc-controller"
ENDPOINT_PICKER_IMAGE: Final = "llm-d-router-endpoint-picker"
RETIRED_ENDPOINT_PICKER_IMAGE: Final = "llm-d-inference-scheduler"
"""Name of the endpoint picker's image up to v0.8."""
ROUTING_SIDECAR_IMAGE: Final = "llm-d-router-disagg-sidecar"
RETIRED_ROUTING_SIDECAR_IMAGE: Final = "llm-d-routing-sidecar"
"""Name of the routing sidecar's image up to v0.8 (config-llm-decode-template before KServe 0.20)."""

_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+.].*)?")


@dataclass(frozen=True)
class Build:
    """What a minor release of KServe is built and tested with (its kserve-deps.env)."""

    lws: tuple[int, int]
    endpoint_picker: tuple[int, int] | None
    """Minor of the router's image; None where it is still the scheduler's."""


BUILDS: Final = {
    (0, 17): Build((0, 7), None),
    (0, 18): Build((0, 8), None),
    (0, 19): Build((0, 8), None),
    (0, 20): Build((0, 8), (0, 9)),
}


def parse(text: str) -> tuple[int, int, int] | None:
    """`v0.20.0` as numbers; None for what is no version."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch or 0)


def check_kserve_version(version: str | None, path: str = "version") -> list[Finding]:
    """Whether that release of KServe works behind a GKE Gateway; None is 'not written'."""
    if version is None:
        return [
            Finding(
                path=path,
                value=None,
                reason="the chart then is whichever is newest on the day, and its CRDs and presets change with it",
                remedy=f"Write the version you tested, such as {KSERVE_VERSION}.",
                rule="version",
            )
        ]
    numbers, floor = parse(version), parse(MINIMUM_VERSION)
    if numbers is None:
        return [
            Finding(
                path=path,
                value=version,
                reason="it is no exact version, so the chart changes under the stack",
                remedy=f"Write one such as {KSERVE_VERSION}.",
                rule="version",
            )
        ]
    if floor is None or numbers >= floor:
        return []
    return [
        Finding(
            path=path,
            value=version,
            reason=f"before {MINIMUM_VERSION} KServe writes appProtocol https on every workload Service whatever vLLM speaks, "
            "and reverts patches: /health and /v1/models through the Gateway end in 'wrong version number'",
            remedy=f"Write {KSERVE_VERSION}.",
            rule="version",
        )
    ]


def check_retired_chart(chart: str, path: str = "chart") -> list[Finding]:
    """Whether a chart's name is one KServe has given up."""
    if chart not in RETIRED_CHARTS:
        return []
    return [
        Finding(
            path=path,
            value=chart,
            reason=f"KServe's charts had this name before v0.17, and releases under {MINIMUM_VERSION} do not work here",
            remedy=f"Write {RETIRED_CHARTS[chart]} {KSERVE_VERSION}.",
            rule="version",
        )
    ]


def check_pool_crd_owner(create: bool, gke_version: str | None, path: str) -> list[Finding]:
    """Whether a chart may install the InferencePool CRD on clusters of that GKE version; None is not known."""
    if gke_version is None or not create or not _owns(gke_version):
        return []
    return [
        Finding(
            path=path,
            value=create,
            reason=f"from {versions.MINIMUM_OWNED_INFERENCE_POOL_CRD} GKE installs the InferencePool CRD itself: Helm stops "
            "with 'cannot be imported into the current release', or the two rewrite it in turn",
            remedy="Write false.",
            rule="crd-owner",
        )
    ]


def check_pool_crd_present(installed: bool, gke_version: str | None, path: str) -> list[Finding]:
    """Whether somebody installs the InferencePool CRD where GKE does not."""
    if installed or gke_version is None or _owns(gke_version):
        return []
    return [
        Finding(
            path=path,
            value=False,
            reason=f"GKE {gke_version} does not bring the InferencePool CRD and nothing in the stack does, so services with "
            "a scheduler never become Ready",
            remedy=f"Write true, or a cluster version from {versions.MINIMUM_OWNED_INFERENCE_POOL_CRD}.",
            rule="crd-owner",
        )
    ]


def check_configuration(*, chart_writes: bool, declared: bool, path: str) -> list[Finding]:
    """Whether KServe's ConfigMap has exactly one owner: its chart, or the stack that declares it (or a patch of it)."""
    if chart_writes == declared:
        if declared:
            reason = (
                f"the stack writes {INFERENCE_SERVICE_CONFIG_MAP} too: Helm stops with 'cannot be imported into the current "
                "release', or puts its own text back at each upgrade, and with it goes what the stack had switched on"
            )
            remedy = "Write false, and inferenceServiceConfig alone stays out: certManager.enabled and storagecontainer.enabled "
            remedy += "true bring the rest back."
        else:
            reason = (
                f"nobody then writes {INFERENCE_SERVICE_CONFIG_MAP}, without which the controller reconciles nothing and its "
                "webhook refuses every service"
            )
            remedy = f"Write true, or declare ConfigMap {INFERENCE_SERVICE_CONFIG_MAP} in the release's namespace."
        return [Finding(path=path, value=chart_writes, reason=reason, remedy=remedy, rule="configuration")]
    return []


def check_crd(name: str, gke_version: str | None, *, gateway_api: bool) -> list[Finding]:
    """Whether a stack may declare a CRD of that name on GKE; `gateway_api` is whether its cluster has GKE's Gateway API."""
    group = name.partition(".")[2]
    if name == INFERENCE_POOL_CRD and gke_version is not None and _owns(gke_version):
        why = f"from {versions.MINIMUM_OWNED_INFERENCE_POOL_CRD} GKE installs and reconciles it"
    elif group == "gateway.networking.k8s.io" and gateway_api:
        why = "GKE installs the Gateway API's CRDs with the cluster's gatewayApiConfig, and from 1.35 refuses others"
    elif group == "networking.gke.io":
        why = "GKE installs its own CRDs, and the public copies have other rules than those it serves"
    elif name == f"inferencepools.{RETIRED_INFERENCE_POOL_GROUP}":
        why = "this alpha group is retired, and with it KServe's managed routes start on pools that GKE does not serve"
    else:
        return []
    return [
        Finding(
            path="metadata.name",
            value=name,
            reason=f"{why}; a second owner rewrites it on each update",
            remedy="Delete it from the program and let GKE bring it.",
            rule="crd-owner",
        )
    ]


def check_same_version(chart: str, version: str, others: dict[str, str]) -> list[Finding]:
    """Whether KServe's charts are of one release; `others` are chart names with their versions."""
    different = {name: other for name, other in others.items() if parse(other) != parse(version)}
    if not different:
        return []
    listed = ", ".join(f"{name} {other}" for name, other in sorted(different.items()))
    return [
        Finding(
            path="version",
            value=version,
            reason=f"{chart} is not of the release of {listed}: CRDs, controller and presets change together, and presets of "
            "another release do not render",
            remedy=f"Write the same version for all, such as {KSERVE_VERSION}.",
            rule="compatibility",
        )
    ]


def check_lws_version(version: str, kserve: str) -> list[Finding]:
    """Whether that LeaderWorkerSet is new enough for that KServe."""
    build, have = _build(kserve), parse(version)
    if build is None or have is None or have[:2] >= build.lws:
        return []
    return [
        Finding(
            path="version",
            value=version,
            reason=f"KServe {kserve} is built against LeaderWorkerSet {'.'.join(map(str, build.lws))}, and multi-node services "
            "use fields that an older CRD drops without a word",
            remedy=f"Write {LWS_VERSION}.",
            rule="compatibility",
        )
    ]


def check_endpoint_picker(image: str, tag: str | None, kserve: str, path: str) -> list[Finding]:
    """Whether an endpoint picker's image takes the flags and configuration that this KServe gives it."""
    why = (
        "KServe {kserve} writes flags and a configuration for {right}; the picker decodes both strictly and ends at start, so "
        "the pool has no endpoint"
    )
    names, remedy = (ENDPOINT_PICKER_IMAGE, RETIRED_ENDPOINT_PICKER_IMAGE), ", or leave the image to KServe's preset"
    return _check_router(image, tag, kserve, path, names, why, remedy)


def check_routing_sidecar(image: str, tag: str | None, kserve: str, path: str) -> list[Finding]:
    """Whether the sidecar of a server behind prefill servers takes the flags that this KServe's preset gives it."""
    why = "the preset of KServe {kserve} writes flags for {right}, and another release ends at those it does not know"
    return _check_router(image, tag, kserve, path, (ROUTING_SIDECAR_IMAGE, RETIRED_ROUTING_SIDECAR_IMAGE), why)


def _check_router(
    image: str, tag: str | None, kserve: str, path: str, names: tuple[str, str], why: str, otherwise: str = ""
) -> list[Finding]:
    """Whether an image of llm-d's router is of the release that this KServe is built for; `names` are its name and its old one.

    Other people's builds are not judged.
    """
    build, name = _build(kserve), image.rsplit("/", 1)[-1]
    if build is None or name not in names:
        return []
    current, retired = names
    have, wanted = parse(tag or ""), build.endpoint_picker
    if wanted is None:
        right = retired if name == current else None
    else:
        wrong = name == retired or (have is not None and have[:2] != wanted)
        right = f"{current}:v{wanted[0]}.{wanted[1]}.0" if wrong else None
    if right is None:
        return []
    return [
        Finding(
            path=path,
            value=f"{image}:{tag}" if tag else image,
            reason=why.format(kserve=kserve, right=right),
            remedy=f"Write {right}{otherwise}.",
            rule="compatibility",
        )
    ]


def _build(kserve: str) -> Build | None:
    numbers = parse(kserve)
    return None if numbers is None else BUILDS.get(numbers[:2])


def _owns(gke_version: str) -> bool:
    try:
        return versions.owns_inference_pool_crd(gke_version)
    except ValueError:
        return False
