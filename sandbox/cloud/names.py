"""Names and links of resources: the rules they follow and the ways they are written.

The same network may be given as `main`, `projects/p/global/networks/main` or a full URL. Everything here reduces such
forms to one, the relative path.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from sandbox.cloud.errors import invalid_field

COMPUTE: Final = "https://www.googleapis.com/compute/v1/"
CONTAINER: Final = "https://container.googleapis.com/v1/"

_URL: Final = re.compile(r"^https?://[^/]+/(?:compute/)?(?:v1|beta|v1beta1|alpha)/")
_RFC1035: Final = re.compile(r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")
_ZONE: Final = re.compile(r"^[a-z]+-[a-z]+[0-9]+-[a-z]+[0-9]*[a-z]?$")
_REGION: Final = re.compile(r"^[a-z]+-[a-z]+[0-9]+$")


def relative(link: str) -> str:
    """`link` without scheme, host and API version: `projects/p/…` or a bare name."""
    return _URL.sub("", link)


def last(link: str) -> str:
    """The bare name at the end of `link`."""
    return link.rstrip("/").rsplit("/", 1)[-1]


def network_path(project: str, link: str) -> str:
    """The path of the network `link` names."""
    path = relative(link)
    return path if path.startswith("projects/") else f"projects/{project}/global/networks/{last(path)}"


def subnetwork_path(project: str, region: str, link: str) -> str:
    """The path of the subnetwork `link` names, which lies in `region` unless it says otherwise."""
    path = relative(link)
    if path.startswith("projects/"):
        return path
    return f"projects/{project}/regions/{region}/subnetworks/{last(path)}"


def is_zone(location: str) -> bool:
    """Whether `location` has the form of a zone, such as us-east5-b or the AI zone us-south1-ai1b."""
    return bool(_ZONE.match(location))


def region_of(location: str) -> str:
    """The region of a zone; a region is its own."""
    return location.rsplit("-", 1)[0] if is_zone(location) else location


def is_location(location: str) -> bool:
    """Whether `location` has the form of a region or a zone."""
    return is_zone(location) or bool(_REGION.match(location))


def check_compute_name(name: str) -> None:
    """Refuses a name Compute Engine does not take.

    Raises:
        CloudError: 400, with the pattern the API prints.
    """
    if not _RFC1035.match(name):
        pattern = "(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)"
        raise invalid_field("resource.name", name, f"Must be a match of regex '{pattern}'")


def number_of(text: str, digits: int = 12) -> int:
    """A number that is always the same for `text`: what the cloud would have drawn at random."""
    drawn = int(hashlib.sha256(text.encode()).hexdigest(), 16) % (9 * 10 ** (digits - 1))
    return 10 ** (digits - 1) + drawn
