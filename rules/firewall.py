"""VPC firewall rules: which of them open nodes to everybody.

Owns the judgement of single rules. Sources: CIS GKE Benchmark 1.9.0, 5.6.6; Compute Engine's reference of firewall rules (2026).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rules.finding import Finding
from rules.hardening import EVERYWHERE

NODE_PORTS: Final = {
    22: "SSH",
    2379: "etcd",
    3389: "RDP",
    6443: "the API server",
    10250: "the kubelet",
    10255: "the kubelet, unauthenticated",
}
"""Ports on nodes that nobody on the internet has to reach."""
_NODE_PORT_SERVICES: Final = range(30000, 32768)


def check_open(sources: Iterable[str], protocol: str, ports: Iterable[str] | None, path: str) -> list[Finding]:
    """Whether an ingress rule's `allows` entry opens nodes to the internet.

    Args:
        sources: The rule's source ranges.
        protocol: Protocol of the entry: a name, a number or `all`.
        ports: Its ports and ranges as written; None is every port.
        path: Where the entry stands.
    """
    everybody = sorted(set(sources) & set(EVERYWHERE))
    if not everybody or protocol.lower() not in {"all", "tcp", "6"}:
        return []
    opened = "every port" if protocol.lower() == "all" or ports is None else _opened(ports)
    if not opened:
        return []
    return [
        Finding(
            path=path,
            value=f"{protocol} {'' if ports is None else ', '.join(ports)}".strip(),
            reason=f"{opened} of every machine in the network answers to {' and '.join(everybody)} (CIS GKE 1.9, 5.6.6)",
            remedy="Write the ranges that need it in sourceRanges: health checks, the proxy-only subnet, the control plane.",
            rule="open-to-everybody",
        )
    ]


def _opened(ports: Iterable[str]) -> str:
    for text in ports:
        first, _, last = text.partition("-")
        if not first.strip().isdigit() or (last and not last.strip().isdigit()):
            continue
        low, high = int(first), int(last or first)
        for port, name in NODE_PORTS.items():
            if low <= port <= high:
                return f"port {port} ({name})"
        if low < _NODE_PORT_SERVICES.stop and high >= _NODE_PORT_SERVICES.start:
            return f"the range of node ports ({text})"
    return ""
