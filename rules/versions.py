"""GKE versions: reading, comparing, and the versions from which things are true.

Owns version arithmetic. Does not know which version a release channel offers today: that changes weekly.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MINIMUM_V6E: Final = "1.31.2-gke.1115000"
"""First GKE version with TPU v6e node pools (Ray's GKE TPU guide; operators quoting GKE's table, 2026)."""

MINIMUM_OWNED_INFERENCE_POOL_CRD: Final = "1.34.0-gke.1626000"
"""From here GKE itself installs and reconciles the v1 InferencePool CRD (llm-d's GKE guide, 2026)."""

MINIMUM_INFERENCE_GATEWAY: Final = "1.32.3"
"""First GKE version whose Gateway controller takes InferencePool backends, as quoted by users of GKE's guide (2026)."""

_PATTERN: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:-gke\.(\d+))?")


class GkeVersion(NamedTuple):
    """A GKE version; what was not written is None and stands for 'the newest of these'."""

    major: int
    minor: int
    patch: int | None
    build: int | None

    def __str__(self) -> str:
        patch = "" if self.patch is None else f".{self.patch}"
        build = "" if self.build is None else f"-gke.{self.build}"
        return f"{self.major}.{self.minor}{patch}{build}"


def parse(text: str) -> GkeVersion:
    """Reads `1.34`, `1.34.1` or `1.34.0-gke.1626000`.

    Raises:
        ValueError: the text is none of these; the message says what to write.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is no GKE version. Write one such as '1.34.1-gke.1829001', '1.34.1' or '1.34'.")
    major, minor, patch, build = match.groups()
    return GkeVersion(
        int(major), int(minor), None if patch is None else int(patch), None if build is None else int(build)
    )


def at_least(version: str, minimum: str) -> bool:
    """Whether `version` reaches `minimum`; what `version` leaves out counts as new enough, as GKE resolves it upwards.

    Raises:
        ValueError: one of the two is no GKE version.
    """
    have, want = parse(version), parse(minimum)
    for mine, needed in zip(have, want, strict=True):
        if mine is None or needed is None:
            return True
        if mine != needed:
            return mine > needed
    return True


def supports_v6e(version: str) -> bool:
    """Whether a cluster of this version takes TPU v6e node pools."""
    return at_least(version, MINIMUM_V6E)


def owns_inference_pool_crd(version: str) -> bool:
    """Whether GKE brings the InferencePool CRD itself, so that nobody else may install it."""
    return at_least(version, MINIMUM_OWNED_INFERENCE_POOL_CRD)
