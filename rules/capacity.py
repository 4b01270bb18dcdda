"""How a TPU node pool gets its machines: on demand, spot, reserved, flex-start or queued, and what each excludes.

Owns the conditions of consumption and autoscaling. Does not own slices and placement (`node_pool.py`).
Sources: cluster-toolkit modules/compute/gke-node-pool preconditions (2026-06-25); AI-Hypercomputer/xpk capacity.py (2026-06-25);
google provider documentation of container_node_pool; vllm-project/ci-infra #545 (2026-09-11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rules.finding import Finding

NO_RESERVATION: Final = "NO_RESERVATION"
SPECIFIC_RESERVATION: Final = "SPECIFIC_RESERVATION"
AFFINITIES: Final = (NO_RESERVATION, "ANY_RESERVATION", SPECIFIC_RESERVATION)
RESERVATION_KEY: Final = "compute.googleapis.com/reservation-name"
MAX_RUN_HOURS: Final = 7 * 24
MAX_RUN_SECONDS: Final = MAX_RUN_HOURS * 3600
"""Longest run of a flex-start machine."""
ANY: Final = "ANY"
"""`autoscaling.locationPolicy` that takes machines where they are, as flex-start needs."""
_DURATION: Final = re.compile(r"(\d+)s")


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """A node pool's way to its machines; None is 'not written'."""

    flex_start: bool | None = None
    queued: bool | None = None
    spot: bool | None = None
    preemptible: bool | None = None
    max_run_duration: str | None = None
    affinity: str | None = None
    """`nodeConfig.reservationAffinity.consumeReservationType`."""
    reservation_key: str | None = None
    reservations: int | None = None
    """How many reservations are named."""
    autoscaling: bool = False
    min_nodes: int | None = None
    max_nodes: int | None = None
    total_min_nodes: int | None = None
    total_max_nodes: int | None = None
    node_count: int | None = None
    location_policy: str | None = None
    slice_nodes: int | None = None
    """Nodes of the slice of a multi-host pool; None for single-host pools."""
    unknown: frozenset[str] = frozenset()
    """Names of the fields above that nobody knows yet."""

    def knows(self, *names: str) -> bool:
        """Whether none of these fields is unknown."""
        return self.unknown.isdisjoint(names)


def check_capacity(pool: Capacity) -> list[Finding]:
    """What GKE refuses in the way a TPU pool gets its machines."""
    return [*_check_exclusive(pool), *_check_reservation(pool), *_check_autoscaling(pool), *_check_duration(pool)]


def _refused(path: str, value: object, reason: str, remedy: str, rule: str) -> Finding:
    return Finding(path=path, value=value, reason=f"{reason}; GKE refuses the pool", remedy=remedy, rule=rule)


def _mode(pool: Capacity) -> str | None:
    for name, text in (("flex_start", "flex-start"), ("queued", "queued provisioning"), ("spot", "spot")):
        if getattr(pool, name) is True and pool.knows(name):
            return text
    return None


def _check_exclusive(pool: Capacity) -> list[Finding]:
    findings: list[Finding] = []
    if pool.spot and pool.preemptible and pool.knows("spot", "preemptible"):
        findings.append(
            _refused(
                "nodeConfig.preemptible", True, "a machine is spot or preemptible", "Leave preemptible out.", "spot"
            )
        )
    if pool.queued and pool.spot and pool.knows("queued", "spot"):
        findings.append(
            _refused(
                "nodeConfig.spot", True, "queued machines are no spot machines", "Leave spot or queuing out.", "queued"
            )
        )
    return findings


def _check_reservation(pool: Capacity) -> list[Finding]:
    if not pool.knows("affinity"):
        return []
    path = "nodeConfig.reservationAffinity"
    mode, affinity = _mode(pool), pool.affinity
    if affinity is not None and affinity not in AFFINITIES:
        return [
            _refused(
                f"{path}.consumeReservationType",
                affinity,
                "there is no such affinity",
                f"Write one of {', '.join(AFFINITIES)}.",
                "reservation",
            )
        ]
    if mode is not None and affinity not in {None, NO_RESERVATION}:
        return [
            _refused(
                f"{path}.consumeReservationType",
                affinity,
                f"a {mode} pool takes no reserved machines",
                f"Write {NO_RESERVATION}, or leave {mode} out.",
                "reservation",
            )
        ]
    if affinity == SPECIFIC_RESERVATION:
        findings: list[Finding] = []
        if pool.knows("reservation_key") and pool.reservation_key != RESERVATION_KEY:
            findings.append(
                _refused(
                    f"{path}.key",
                    pool.reservation_key,
                    "a specific reservation is selected by this label",
                    f"Write {RESERVATION_KEY}.",
                    "reservation",
                )
            )
        if pool.knows("reservations") and pool.reservations != 1:
            findings.append(
                _refused(
                    f"{path}.values",
                    pool.reservations,
                    "a pool takes its machines from exactly one named reservation",
                    "Write a list with the reservation's name.",
                    "reservation",
                )
            )
        return findings
    return []


def _check_autoscaling(pool: Capacity) -> list[Finding]:
    findings: list[Finding] = []
    low, high = pool.min_nodes, pool.max_nodes
    if pool.knows("min_nodes", "max_nodes") and low is not None and high is not None and low > high:
        findings.append(
            _refused(
                "autoscaling.minNodeCount",
                low,
                f"it is more than maxNodeCount {high}",
                f"Write at most {high}.",
                "limits",
            )
        )
    if pool.slice_nodes is not None and low not in {None, 0, pool.slice_nodes} and pool.knows("min_nodes"):
        findings.append(
            _refused(
                "autoscaling.minNodeCount",
                low,
                f"a slice of {pool.slice_nodes} hosts exists whole or not at all",
                f"Write 0 or {pool.slice_nodes}.",
                "limits",
            )
        )
    per_zone = bool(low or high)
    totals = bool(pool.total_min_nodes or pool.total_max_nodes)
    if per_zone and totals and pool.knows("min_nodes", "max_nodes", "total_min_nodes", "total_max_nodes"):
        findings.append(
            _refused(
                "autoscaling.totalMaxNodeCount",
                pool.total_max_nodes,
                "limits are per zone or in total, not both",
                "Leave the total ones out.",
                "limits",
            )
        )
    waits = _mode(pool) in {"flex-start", "queued provisioning"}
    if waits and not pool.autoscaling and pool.knows("autoscaling"):
        findings.append(
            _refused(
                "autoscaling",
                None,
                f"a {_mode(pool)} pool starts empty and grows when machines are there",
                "Write autoscaling with minNodeCount: 0, maxNodeCount and locationPolicy: ANY.",
                "limits",
            )
        )
    minimum = low if low is not None else pool.total_min_nodes
    if waits and minimum and pool.knows("min_nodes", "total_min_nodes"):
        name = "minNodeCount" if low is not None else "totalMinNodeCount"
        findings.append(
            _refused(
                f"autoscaling.{name}",
                minimum,
                f"a {_mode(pool)} pool holds no machines in advance",
                "Write 0.",
                "limits",
            )
        )
    if waits and pool.autoscaling and pool.location_policy == "BALANCED" and pool.knows("location_policy"):
        findings.append(
            _refused(
                "autoscaling.locationPolicy",
                "BALANCED",
                f"a {_mode(pool)} pool takes machines where they are",
                "Write ANY.",
                "limits",
            )
        )
    return findings


def _check_duration(pool: Capacity) -> list[Finding]:
    text = pool.max_run_duration
    if text is None or not pool.knows("max_run_duration"):
        return []
    match = _DURATION.fullmatch(text)
    if match is not None and 0 < int(match.group(1)) <= MAX_RUN_SECONDS:
        return []
    return [
        _refused(
            "nodeConfig.maxRunDuration",
            text,
            "a machine may run for at most 7 days, written in seconds",
            f"Write at most '{MAX_RUN_SECONDS}s'.",
            "duration",
        )
    ]
