"""Keys of one's own for what GKE stores: where they have to be, and who uses them.

Sources: GKE's guides to application-layer secrets encryption and to CMEK for disks (2026).
"""

from __future__ import annotations

import re
from typing import Final

from rules.cluster import region_of
from rules.finding import Finding

KEY_ROLE: Final = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
ENCRYPTED: Final = "ENCRYPTED"
KEY_NAME: Final = re.compile(
    r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/keyRings/(?P<ring>[^/]+)/cryptoKeys/(?P<key>[^/]+)"
)


def check_key(name: str, location: str, path: str) -> list[Finding]:
    """Whether a Cloud KMS key can encrypt what a cluster at `location` (a region or zone) stores."""
    match = KEY_NAME.fullmatch(name)
    region = region_of(location)
    form = f"projects/PROJECT/locations/{region}/keyRings/RING/cryptoKeys/KEY"
    if match is None:
        return [
            Finding(path=path, value=name, reason="it names no key", remedy=f"Write {form}.", rule="encryption-key")
        ]
    if match["location"] == region:
        return []
    return [
        Finding(
            path=path,
            value=name,
            reason=f"the key is in {match['location']}, and a cluster in {region} takes keys of {region} only",
            remedy=f"Write {form}.",
            rule="encryption-key",
        )
    ]


def gke_agent_number(email: str) -> str:
    """The project number in the address of GKE's service agent (`service-NUMBER@container-engine-robot…`)."""
    return email.removeprefix("service-").split("@", 1)[0]


def compute_agent(number: str) -> str:
    """The address of Compute Engine's service agent, which encrypts disks."""
    return f"service-{number}@compute-system.iam.gserviceaccount.com"
