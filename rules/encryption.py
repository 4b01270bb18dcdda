"""Keys of one's own for what GKE stores: where they have to be, and who uses them.

Sources: GKE's guides to application-layer secrets encryption and to CMEK for disks (2026); for the default pool under an
organization policy terraform-google-modules/terraform-google-kubernetes-engine issues 1566 and 2344 (2023-02-17, 2025-05-09).
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


def check_default_pool_key(asked_by: str, *, removed: bool) -> list[Finding]:
    """The default pool of a cluster without a key of one's own, where one is asked for.

    Args:
        asked_by: Who asks for it, as a clause.
        removed: Whether the default pool is removed as soon as the cluster is there.
    """
    gone = ", and is removed right after it," if removed else ""
    kept = " Let ignoreChanges name nodeConfig: what GKE reports of it later is another pool's." if removed else ""
    return [
        Finding(
            path="nodeConfig.bootDiskKmsKey",
            value=None,
            reason=f"{asked_by}, but the default pool, which comes with the cluster{gone or ','} boots from disks with Google's "
            "key only: where the organization policy gcp.restrictNonCmekServices is in force GKE refuses the whole cluster "
            "for it ('without specifying a KMS CryptoKey')",
            remedy=f"Write the key there as well.{kept}",
            rule="default-pool-key",
        )
    ]


def gke_agent_number(email: str) -> str:
    """The project number in the address of GKE's service agent (`service-NUMBER@container-engine-robot…`)."""
    return email.removeprefix("service-").split("@", 1)[0]


def compute_agent(number: str) -> str:
    """The address of Compute Engine's service agent, which encrypts disks."""
    return f"service-{number}@compute-system.iam.gserviceaccount.com"
