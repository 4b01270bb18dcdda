"""The GKE versions the simulated cloud offers, and how requests for a version are resolved.

Owns which versions exist here: a snapshot in the form of GKE's server config, limited to the minor version whose real
binaries the sandbox runs. What is true from which version on stands in `rules.versions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox.cloud.errors import bad_request

SNAPSHOT: Final = "2026-11-21"
"""Date of the catalog below."""

CHANNELS: Final[Mapping[str, tuple[str, ...]]] = {
    "RAPID": ("1.34.3-gke.1245000", "1.34.3-gke.1182000", "1.34.2-gke.1435000"),
    "REGULAR": ("1.34.3-gke.1245000", "1.34.2-gke.1435000", "1.34.1-gke.3971001"),
    "STABLE": ("1.34.3-gke.1245000", "1.34.1-gke.3971001", "1.34.1-gke.1829001"),
    "EXTENDED": ("1.34.3-gke.1245000", "1.34.1-gke.3971001", "1.34.1-gke.1829001"),
    "UNSPECIFIED": ("1.34.3-gke.1245000", "1.34.2-gke.1435000", "1.34.1-gke.3971001", "1.34.1-gke.1829001"),
}
"""Versions per release channel, newest first; the first one is the channel's default."""


def resolve(requested: str, channel: str) -> str:
    """The version a request means: an exact one, the newest with a prefix, or the channel's default.

    Raises:
        CloudError: 400; the channel does not offer it.
    """
    offered = CHANNELS.get(channel, CHANNELS["UNSPECIFIED"])
    if requested in {"", "-", "latest"}:
        return offered[0]
    if requested in offered:
        return requested
    if "-gke." in requested:
        raise bad_request(
            f'Master version "{requested}" is unsupported. Release channel {channel} of the sandbox offers '
            f"{', '.join(offered)}."
        )
    for version in offered:
        if version.startswith((f"{requested}.", f"{requested}-")):
            return version
    raise bad_request(
        f'No valid versions with the prefix "{requested}" found. Release channel {channel} of the sandbox offers '
        f"{', '.join(offered)}."
    )
