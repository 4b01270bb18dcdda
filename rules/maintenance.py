"""When GKE may work on a cluster: what a maintenance window and its exclusions must leave open.

Owns the arithmetic of weekly windows. Source: GKE's guides to maintenance windows and exclusions (2026): at least 48 hours
in every 32 days, in pieces of four hours or more; exclusions of all upgrades for 30 days at most, and three of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Final

from rules.finding import Finding

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""Days of the week as a recurrence rule (RFC 5545) writes them, Monday first as in `datetime`."""
PERIOD_DAYS: Final = 32
LEAST_HOURS: Final = 48
LEAST_HOURS_AT_A_TIME: Final = 4
MOST_HOURS_AT_A_TIME: Final = 24
NO_UPGRADES: Final = "NO_UPGRADES"
SCOPES: Final = (NO_UPGRADES, "NO_MINOR_UPGRADES", "NO_MINOR_OR_NODE_UPGRADES")
MOST_DAYS_WITHOUT_UPGRADES: Final = 30
MOST_EXCLUSIONS_OF_UPGRADES: Final = 3
_FIRST_MONDAY: Final = date(2026, 1, 5)


def available_hours(days: Collection[str], hours: int) -> int:
    """Hours of maintenance that are left in the worst 32 days."""
    weekdays = {DAYS.index(day) for day in days}
    counts = [sum((first + offset) % 7 in weekdays for offset in range(PERIOD_DAYS)) for first in range(7)]
    return min(counts) * hours


def check_window(days: Collection[str], hours: int) -> list[Finding]:
    """Whether a weekly window leaves GKE enough time."""
    left = available_hours(days, hours)
    if left >= LEAST_HOURS:
        return []
    enough = next((longer for longer in range(hours, 25) if available_hours(days, longer) >= LEAST_HOURS), None)
    longer = f"hours: {enough}, or more days" if enough else "more days"
    return [
        Finding(
            path="hours",
            value=hours,
            reason=f"on {', '.join(days)} it leaves {left} hours in {PERIOD_DAYS} days, and GKE wants {LEAST_HOURS} at least",
            remedy=f"Write {longer}.",
            rule="maintenance-window",
        )
    ]


def check_exclusions(exclusions: Iterable[tuple[str, datetime, datetime]]) -> list[Finding]:
    """Whether GKE takes these exclusions: (scope, from, until); paths start at `[index]`."""
    found: list[Finding] = []
    complete = 0
    for index, (scope, start, end) in enumerate(exclusions):
        if end <= start:
            found.append(_finding(f"[{index}].until", end.isoformat(), "it ends before it begins", "a later time"))
        if scope != NO_UPGRADES:
            continue
        complete += 1
        if end - start > timedelta(days=MOST_DAYS_WITHOUT_UPGRADES):
            reason = f"GKE holds back all upgrades for {MOST_DAYS_WITHOUT_UPGRADES} days at most"
            latest = (start + timedelta(days=MOST_DAYS_WITHOUT_UPGRADES)).isoformat()
            found.append(_finding(f"[{index}].until", end.isoformat(), reason, f"{latest} or earlier"))
        if complete > MOST_EXCLUSIONS_OF_UPGRADES:
            reason = f"a cluster has at most {MOST_EXCLUSIONS_OF_UPGRADES} exclusions of all upgrades"
            found.append(_finding(f"[{index}].scope", scope, reason, "NO_MINOR_OR_NODE_UPGRADES"))
    return found


def first_day(days: Collection[str]) -> date:
    """A date in the past that is one of `days`, for a recurrence to begin at: always the same one."""
    return _FIRST_MONDAY + timedelta(days=min(DAYS.index(day) for day in days))


def _finding(path: str, value: object, reason: str, instead: str) -> Finding:
    return Finding(path=path, value=value, reason=reason, remedy=f"Write {instead}.", rule="maintenance-exclusion")
