"""Cloud Monitoring's API: alert policies and notification channels (v3), dashboards (v1), each listed or by its name.

Owns the translation of what the provider sends into the API's own form. Filters name fields as the API's messages do, in
snake case: `user_labels.team="a"`; the list of dashboards takes none. Sources: google.monitoring.v3 and
google.monitoring.dashboard.v1; `expandMonitoringAlertPolicy` and its counterparts in terraform-provider-google (read 2026-11).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, cast

from sandbox.cloud import monitoring
from sandbox.cloud.errors import CloudError
from sandbox.cloud.kind import Resource
from sandbox.rest.filtering import picked
from sandbox.rest.request import Body, Request, page

_POLICY: Final = (
    "alertStrategy",
    "combiner",
    "conditions",
    "displayName",
    "documentation",
    "enabled",
    "notificationChannels",
    "severity",
    "userLabels",
)
_CHANNEL: Final = ("description", "displayName", "enabled", "labels", "type", "userLabels", "verificationStatus")


def alert_policies(request: Request) -> Body:
    """`alertPolicies`: list and get."""
    return _answer(request, monitoring.POLICIES, "alertPolicies", _policy)


def notification_channels(request: Request) -> Body:
    """`notificationChannels`: list and get."""
    return _answer(request, monitoring.CHANNELS, "notificationChannels", _channel)


def dashboards(request: Request) -> Body:
    """`dashboards`: list and get."""
    unfiltered = {key: value for key, value in request.query.items() if key != "filter"}
    return _answer(replace(request, query=unfiltered), monitoring.DASHBOARDS, "dashboards", _dashboard)


def _answer(request: Request, kind: str, field: str, form: Callable[[Resource], Body]) -> Body:
    request.cloud.require_api(request.project, monitoring.API)
    if "name" in request.path:
        name = f"projects/{request.project}/{field}/{request.path['name']}"
        found = request.cloud.find(kind, name)
        if found is None:
            raise CloudError(404, f"Requested entity was not found: {name}.", "notFound")
        return form(found)
    items = [form(resource) for resource in request.cloud.all(kind, request.project)]
    chosen = _filtered(request.query.get("filter", ""), items)
    return page(replace(request, query={**request.query, "filter": ""}), field, chosen)


def _filtered(text: str, items: Sequence[Body]) -> list[Body]:
    seen = [{**{_snake(name): value for name, value in item.items()}, "": item} for item in items]
    return [cast("Body", each[""]) for each in picked(text, seen)]


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def _policy(resource: Resource) -> Body:
    held = resource.state()
    conditions = cast("list[Body]", held.get("conditions") or [])
    return {
        **_set(held, _POLICY),
        "name": resource.id,
        "conditions": [
            {**condition, "name": f"{resource.id}/conditions/{number}"}
            for number, condition in enumerate(conditions, 1)
        ],
        "creationRecord": _record(resource),
    }


def _channel(resource: Resource) -> Body:
    return {**_set(resource.state(), _CHANNEL), "name": resource.id, "creationRecord": _record(resource)}


def _dashboard(resource: Resource) -> Body:
    text = str(resource.properties.get("dashboardJson"))
    return {
        **monitoring.content(resource),
        "name": resource.id,
        "etag": hashlib.sha256(text.encode()).hexdigest()[:32],
    }


def _set(held: Body, names: Sequence[str]) -> Body:
    """The fields that are set; the API leaves the rest out."""
    return {name: held[name] for name in names if held.get(name) not in (None, "", {}, [])}


def _record(resource: Resource) -> Body:
    return {"mutateTime": resource.created, "mutatedBy": "sandbox@example.com"}
