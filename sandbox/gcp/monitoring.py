"""Cloud Monitoring's alert policies, dashboards and notification channels as the official provider treats them.

Their names are numbers that the service draws: two creates of the same policy make two policies, and so does one whose
answer is lost, as the provider sends it again.
"""

from __future__ import annotations

import json
from typing import Any, Final

from typing_extensions import override

from sandbox.gcp.resource import Properties, ResourceType, known

_MOST_CONDITIONS: Final = 6


class Numbered(ResourceType):
    """A type whose id holds a number that the service draws at each creation."""

    @override
    def resource_id(self, properties: Properties) -> str:
        """The id; one that asks for a number where the properties name none."""
        return super().resource_id(properties if properties.get("number") else {**properties, "number": "-"})


def _policy(inputs: Properties) -> list[tuple[str, str]]:
    conditions: Any = inputs.get("conditions")
    if known(conditions) and len(conditions) > _MOST_CONDITIONS:
        return [
            (
                "conditions",
                f"Too many conditions blocks: No more than {_MOST_CONDITIONS} are allowed, {len(conditions)} were given",
            )
        ]
    return []


def _dashboard(inputs: Properties) -> list[tuple[str, str]]:
    text = inputs.get("dashboardJson")
    if not known(text):
        return []
    try:
        json.loads(str(text))
    except ValueError as error:
        return [("dashboardJson", f'"dashboard_json" contains an invalid JSON: {error}')]
    return []


ALERT_POLICY: Final = Numbered(
    type="gcp:monitoring/alertPolicy:AlertPolicy",
    kind="monitoring.alertPolicies",
    noun="AlertPolicy",
    id="projects/{project}/alertPolicies/{number}",
    autoname=False,
    defaults={"enabled": True},
    force_new=frozenset({"project"}),
    enums={
        "combiner": ("AND", "OR", "AND_WITH_MATCHING_RESOURCE"),
        "severity": ("CRITICAL", "ERROR", "WARNING"),
    },
    checks=_policy,
)

DASHBOARD: Final = Numbered(
    type="gcp:monitoring/dashboard:Dashboard",
    kind="monitoring.dashboards",
    noun="Dashboard",
    id="projects/{project}/dashboards/{number}",
    autoname=False,
    force_new=frozenset({"project"}),
    checks=_dashboard,
)

NOTIFICATION_CHANNEL: Final = Numbered(
    type="gcp:monitoring/notificationChannel:NotificationChannel",
    kind="monitoring.notificationChannels",
    noun="NotificationChannel",
    id="projects/{project}/notificationChannels/{number}",
    autoname=False,
    defaults={"enabled": True, "forceDelete": False},
    force_new=frozenset({"project"}),
)

TYPES: Final = (ALERT_POLICY, DASHBOARD, NOTIFICATION_CHANNEL)
