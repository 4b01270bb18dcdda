"""The versions that go together, as a page: what the policies ask `rules/`, written down for people.

Owns the layout. Every number stands in `rules/` once, with its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rules import versions
from rules.autoscaling import MINIMUM_NATIVE_METRIC_VERSION
from rules.compatibility import CHANNEL_FLOORS, FEATURES, GATEWAY_API_BUNDLES, KSERVE_CRDS
from rules.kserve import CERT_MANAGER_VERSION, KSERVE_VERSION, LWS_VERSION, MINIMUM_VERSION
from rules.kserve_install import BUILDS, ENDPOINT_PICKER_IMAGE, RETIRED_ENDPOINT_PICKER_IMAGE, parse
from rules.tpu import MACHINE_TYPES

_INTRODUCTION: Final = (
    f"This stack pins KServe {KSERVE_VERSION}, LeaderWorkerSet {LWS_VERSION} and cert-manager {CERT_MANAGER_VERSION}. The "
    "policies [version-compatibility](version-compatibility.md), [kserve-install](kserve-install.md) and "
    "[gke-owned-crd](gke-owned-crd.md) hold a stack against these tables."
)


def matrix() -> str:
    """The page below its first line."""
    return "\n".join(
        [
            "# Versions that go together",
            "",
            _INTRODUCTION,
            "",
            "## KServe and what is around it",
            "",
            *_table(
                ("KServe", "LeaderWorkerSet", "inference extension CRDs", "Gateway API", "endpoint picker", "here"),
                _kserve(),
            ),
            "",
            "## GKE and what it brings",
            "",
            *_table(("from GKE", "there is"), _gke()),
            "",
            f"Clusters of the channels {', '.join(CHANNEL_FLOORS)} are at least {min(CHANNEL_FLOORS.values())}.",
            "",
            "## GKE and what is asked of it",
            "",
            *_table(("asked for", "from GKE", "with an older one"), _features()),
            "",
        ]
    )


def _kserve() -> Iterable[tuple[str, ...]]:
    floor = parse(MINIMUM_VERSION)
    for minor in sorted(BUILDS, reverse=True):
        build, crds = BUILDS[minor], KSERVE_CRDS[minor]
        picker = RETIRED_ENDPOINT_PICKER_IMAGE
        if build.endpoint_picker is not None:
            picker = f"{ENDPOINT_PICKER_IMAGE} {_dotted(build.endpoint_picker)}"
        allowed = floor is None or (*minor, 0) >= floor
        yield (
            _dotted(minor),
            f"{_dotted(build.lws)} or newer",
            f"{_dotted(crds.inference_extension)} or newer",
            crds.gateway_api,
            picker,
            "yes" if allowed else "no: HTTPS to every server",
        )


def _gke() -> Iterable[tuple[str, ...]]:
    facts = [(version, f"CRDs of Gateway API {bundle}") for bundle, version in GATEWAY_API_BUNDLES.items()]
    facts.append(
        (versions.MINIMUM_OWNED_INFERENCE_POOL_CRD, "the InferencePool CRD, which nobody else may install then")
    )
    first: dict[str, set[str]] = {}
    for machine in MACHINE_TYPES.values():
        if machine.minimum_gke_version is not None:
            first.setdefault(machine.minimum_gke_version, set()).add(machine.generation)
    facts += [(version, f"node pools of TPU {', '.join(sorted(names))}") for version, names in first.items()]
    facts.append((MINIMUM_NATIVE_METRIC_VERSION, "autoscaling by the pods' own metrics"))
    return sorted(facts, key=lambda fact: [-1 if part is None else part for part in versions.parse(fact[0])])


def _features() -> Iterable[tuple[str, ...]]:
    return ((feature.what, feature.minimum, feature.before) for feature in FEATURES)


def _dotted(numbers: tuple[int, int]) -> str:
    return ".".join(map(str, numbers))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
