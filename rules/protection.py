"""What keeps a resource that is hard to replace from being deleted by mistake.

Owns which fields of Google Cloud's resources protect them. Does not see what an update is about to do: no policy does.
Source: google provider documentation of container_cluster and storage_bucket (2026).
"""

from __future__ import annotations

from typing import Final

from rules.finding import Finding

DELETION_PROTECTION: Final = "deletionProtection"
FORCE_DESTROY: Final = "forceDestroy"


def check_deletion_protection(value: bool | None) -> list[Finding]:
    """Whether a cluster refuses to be deleted or replaced; unset is protected."""
    if value is not False:
        return []
    return [
        Finding(
            path=DELETION_PROTECTION,
            value=False,
            reason="a changed network or location replaces the cluster, and everything in it is gone before anybody is asked",
            remedy="Write true; take it away in an update of its own when the cluster is to go.",
            rule="deletion-protection",
        )
    ]


def check_force_destroy(value: bool | None) -> list[Finding]:
    """Whether a bucket with weights or logs in it refuses to be deleted; unset does."""
    if value is not True:
        return []
    return [
        Finding(
            path=FORCE_DESTROY,
            value=True,
            reason="deleting the bucket deletes every object in it",
            remedy="Write false, or leave it out.",
            rule="force-destroy",
        )
    ]
