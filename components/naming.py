"""Names of Google Cloud resources that are made of several names.

Owns the one rule by which they are joined: two stacks of one project must not ask for the same name, whatever their settings'
defaults are, and a long name must not become another's when it is cut. Does not own names inside a cluster.
"""

from __future__ import annotations

import hashlib
from typing import Final

LONGEST: Final = 63
"""Characters of a name in Compute Engine (RFC 1035)."""


def joined(*names: str) -> str:
    """`names` with dashes between them; what is too long is cut and ends in four characters of a hash of all of it."""
    whole = "-".join(names)
    if len(whole) <= LONGEST:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:4]
    return f"{whole[: LONGEST - len(digest) - 1].rstrip('-')}-{digest}"


def node_tag(cluster: str) -> str:
    """Network tag of the cluster's nodes: firewall rules open ports on these and on no other machine of the VPC."""
    return f"{cluster}-nodes"
