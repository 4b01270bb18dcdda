"""When GKE may upgrade the cluster and its nodes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from components.settings.base import Section
from components.settings.checks import findings, refuse
from rules import maintenance

Day = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def _as_written(value: Any) -> Any:
    """A moment that was written without quotes: the engine hands it on as Go prints it, 2026-12-20 00:00:00 +0000 UTC."""
    return re.sub(r"^(\S+) (\S+) ([+-]\d{4}) \S+$", r"\1T\2\3", value) if isinstance(value, str) else value


Moment = Annotated[AwareDatetime, BeforeValidator(_as_written)]
"""A moment with its time zone."""


class Exclusion(Section):
    """A time without upgrades."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """What it is for, such as a sales event."""
    begin: Moment
    """First moment, such as 2026-12-20T00:00:00Z."""
    until: Moment
    """Last moment."""
    scope: Literal["NO_UPGRADES", "NO_MINOR_UPGRADES", "NO_MINOR_OR_NODE_UPGRADES"] = "NO_UPGRADES"
    """What is held back: everything (30 days at most), new minor versions, or those and all upgrades of nodes."""


class Maintenance(Section):
    """A weekly window for upgrades; a TPU server that is moved compiles anew, so choose hours with few requests."""

    days: Annotated[tuple[Day, ...], Field(min_length=1)] = ("SA", "SU")
    """Days on which it begins: MO, TU, WE, TH, FR, SA or SU."""
    start: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "02:00"
    """When it begins, UTC."""
    hours: Annotated[int, Field(ge=maintenance.LEAST_HOURS_AT_A_TIME, le=maintenance.MOST_HOURS_AT_A_TIME)] = 6
    """How long it lasts; GKE wants 48 hours in every 32 days."""
    exclusions: tuple[Exclusion, ...] = ()
    """Times without upgrades."""

    @model_validator(mode="after")
    def _leaves_gke_enough_time(self) -> Self:
        if len(set(self.days)) != len(self.days):
            refuse("days", ", ".join(self.days), "a day is named twice", "each day once")
        findings(maintenance.check_window(self.days, self.hours))
        spans = [(exclusion.scope, exclusion.begin, exclusion.until) for exclusion in self.exclusions]
        for finding in maintenance.check_exclusions(spans):
            findings([finding], f"exclusions{finding.path}")
        return self

    @property
    def window(self) -> tuple[str, str, str]:
        """Start and end of the first window, RFC 3339, and the rule by which it recurs, RFC 5545."""
        first = datetime.combine(maintenance.first_day(self.days), time.fromisoformat(self.start), UTC)
        days = ",".join(day for day in maintenance.DAYS if day in self.days)
        return timestamp(first), timestamp(first + timedelta(hours=self.hours)), f"FREQ=WEEKLY;BYDAY={days}"


def timestamp(moment: datetime) -> str:
    """A moment as GKE writes it: RFC 3339 in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
