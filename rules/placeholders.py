"""Values that stand in for one's own: addresses and names that documentation uses and nobody has.

Owns the ranges and names. Sources: RFC 5737 and RFC 3849 with RFC 9637 (addresses), RFC 2606 and RFC 6761 (names).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from rules.finding import Finding

NETWORKS: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)
_DOMAINS: Final = ("example.com", "example.net", "example.org")
_ENDINGS: Final = ("example", "invalid", "test")


def is_placeholder_range(text: str) -> bool:
    """Whether an address or range lies in one that is kept for documentation."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return any(network.version == kept.version and network.subnet_of(kept) for kept in NETWORKS)  # pyright: ignore[reportArgumentType]


def is_placeholder_host(name: str) -> bool:
    """Whether a host name, or a wildcard of one, is kept for documentation."""
    labels = name.lower().rstrip(".").split(".")
    return ".".join(labels[-2:]) in _DOMAINS or (len(labels) > 1 and labels[-1] in _ENDINGS)


def check_ranges(ranges: Iterable[str], path: str, *, whom: str, consequence: str) -> list[Finding]:
    """Ranges that nobody has; `whom` they should be of, and what happens as it is, as a clause."""
    found = [text for text in ranges if is_placeholder_range(text)]
    if not found:
        return []
    return [
        Finding(
            path=path,
            value=", ".join(found),
            reason=f"{'this is a range' if len(found) == 1 else 'these are ranges'} of documentation (RFC 5737, RFC 3849) that "
            f"nobody sends from: {consequence}",
            remedy=f"Write the ranges of {whom}.",
            certain=False,
            rule="placeholder-range",
        )
    ]


def check_host(name: str, path: str) -> list[Finding]:
    """A host name that nobody can own."""
    if not is_placeholder_host(name):
        return []
    return [
        Finding(
            path=path,
            value=name,
            reason="this name is kept for documentation (RFC 2606): no client resolves it to your Gateway, and no authority "
            "issues a certificate for it",
            remedy="Write the host name that your clients use.",
            certain=False,
            rule="placeholder-host",
        )
    ]


def check_email(address: str, path: str) -> list[Finding]:
    """An e-mail address at a host that nobody owns."""
    if not is_placeholder_host(address.rpartition("@")[2]):
        return []
    return [
        Finding(
            path=path,
            value=address,
            reason="this address is at a name that is kept for documentation (RFC 2606): alerts that are sent there reach nobody",
            remedy="Write the address of whoever is on call.",
            certain=False,
            rule="placeholder-email",
        )
    ]
