"""What is measured, when somebody is told, and how."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, PositiveFloat, model_validator

from components.settings.base import Section
from components.settings.checks import refuse
from rules import monitoring

Percent = Annotated[float, Field(gt=0, lt=100)]


class Thresholds(Section):
    """Where an alert begins."""

    latency_seconds: PositiveFloat = 30.0
    """95 % of requests at the load balancer take longer, streaming to the last token included."""
    first_token_seconds: PositiveFloat = 2.0
    """95 % of first tokens take longer."""
    error_percent: Percent = 1.0
    """Share of requests that fail (5xx)."""
    kv_cache_percent: Percent = 90.0
    """KV caches are that full on average."""
    waiting_requests: PositiveFloat = 10.0
    """As many requests wait per server on average."""
    cpu_percent: Percent = 90.0
    """CPU of a container, in percent of its limit."""
    memory_percent: Percent = 95.0
    """Memory of a container, in percent of its limit."""
    idle_tpu_percent: Percent = 5.0
    """A TPU node is busy for less than that share of an hour."""


class Monitoring(Section):
    """What is measured, when somebody is told, and how."""

    enabled: bool = False
    """Read the metrics of models and endpoint pickers, and make what alerts and dashboard say."""
    scrape_seconds: Annotated[int, Field(ge=monitoring.MINIMUM_SCRAPE_SECONDS, le=600)] = 30
    """How often managed Prometheus reads a pod's metrics."""
    alerts: bool = True
    """Make alert policies; false for an environment that nobody is called for."""
    dashboard: bool = True
    """Make a dashboard."""
    thresholds: Thresholds = Thresholds()
    """Where alerts begin."""
    notification_channels: tuple[
        Annotated[str, Field(pattern=r"^projects/[-a-z0-9:.]+/notificationChannels/[0-9]+$")], ...
    ] = ()
    """Existing notification channels, as projects/PROJECT/notificationChannels/NUMBER: made by hand, because most kinds hold
    a secret."""
    emails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")], ...] = ()
    """Addresses for which a notification channel is made here."""

    @model_validator(mode="after")
    def _somebody_is_told(self) -> Self:
        if len({address.lower() for address in self.emails}) < len(self.emails):
            refuse("emails", ", ".join(self.emails), "an address is listed twice", "each address once")
        field = "notificationChannels" if self.notification_channels else "emails" if self.emails else None
        if field is not None and not self.enabled:
            refuse(field, "set", "nothing is sent while monitoring is off", f"enabled: true, or leave {field} out")
        if field is not None and not self.alerts:
            refuse(field, "set", "nothing is sent without alerts", f"alerts: true, or leave {field} out")
        return self
