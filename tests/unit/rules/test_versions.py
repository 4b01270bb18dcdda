"""GKE versions: order, and what a version that leaves parts out means."""

from __future__ import annotations

import pytest

from rules import versions


@pytest.mark.parametrize(
    ("version", "minimum", "expected"),
    [
        ("1.34.0-gke.1626000", "1.34.0-gke.1626000", True),
        ("1.34.0-gke.1625999", "1.34.0-gke.1626000", False),
        ("1.34.1-gke.1", "1.34.0-gke.1626000", True),
        ("1.33.9-gke.9999999", "1.34.0-gke.1626000", False),
        ("1.34", "1.34.0-gke.1626000", True),
        ("1.34.0", "1.34.0-gke.1626000", True),
        ("1.9.0", "1.31.2", False),
        ("2.0", "1.31.2", True),
        ("v1.31.3", "1.31.2-gke.1115000", True),
        ("1.32.3-gke.5", "1.32.3", True),
    ],
)
def test_at_least(version: str, minimum: str, expected: bool) -> None:
    """Numbers compare as numbers, and a left-out part resolves upwards as GKE does."""
    assert versions.at_least(version, minimum) is expected


@pytest.mark.parametrize("text", ["", "1", "latest", "1.34.x", "1.34.0-eks.1"])
def test_what_is_no_version_says_what_to_write(text: str) -> None:
    """Errors name the remedy."""
    with pytest.raises(ValueError, match="Write one such as"):
        versions.parse(text)


def test_versions_from_which_things_are_true() -> None:
    """v6e from 1.31.2-gke.1115000, GKE's own InferencePool CRD from 1.34.0-gke.1626000; texts round-trip."""
    assert versions.supports_v6e("1.31.2-gke.1115000")
    assert not versions.supports_v6e("1.31.1-gke.2000000")
    assert versions.owns_inference_pool_crd("1.34.3-gke.1245000")
    assert not versions.owns_inference_pool_crd("1.33.5-gke.1")
    assert str(versions.parse("1.34.0-gke.1626000")) == "1.34.0-gke.1626000"
