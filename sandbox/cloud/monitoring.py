"""Cloud Monitoring: alert policies, dashboards, notification channels. Nothing is measured and nobody is told.

Their names are numbers that the service draws for each request: one that is sent twice, as after a lost answer, makes two.
Owns what the API refuses, in its words as far as they are known. Sources: the REST reference of Cloud Monitoring v3 and
dashboards v1 (2026).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final, cast

from typing_extensions import override

from rules import ownership
from sandbox.cloud.errors import CloudError, bad_request
from sandbox.cloud.kind import Kind, Properties, Resource, View

API: Final = "monitoring.googleapis.com"
POLICIES: Final = "monitoring.alertPolicies"
DASHBOARDS: Final = "monitoring.dashboards"
CHANNELS: Final = "monitoring.notificationChannels"

Body = dict[str, Any]

_DIGITS: Final = 19

_DURATION: Final = re.compile(r"^[0-9]+(\.[0-9]+)?s$")
_CONDITIONS: Final = (
    "conditionThreshold",
    "conditionAbsent",
    "conditionMatchedLog",
    "conditionMonitoringQueryLanguage",
    "conditionPrometheusQueryLanguage",
    "conditionSql",
)
_LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("email_address",),
    "pubsub": ("topic",),
    "slack": ("channel_name",),
    "sms": ("number",),
    "webhook_tokenauth": ("url",),
    "webhook_basicauth": ("url",),
    "pagerduty": (),
}
"""Labels that a channel of each type must have."""
_LEAST_AUTO_CLOSE: Final = 1800
_MOST_LABELS: Final = 64
_WIDEST: Final = 48


def _invalid(field: str, why: str) -> CloudError:
    return CloudError(400, f"Field {field} had an invalid value: {why}", "badRequest")


def _check_user_labels(field: str, labels: object) -> None:
    """Refuses what the reference does not allow as `user_labels`; in words of the sandbox's own, as the API's are not known."""
    given = cast("dict[str, str]", labels or {})
    if len(given) > _MOST_LABELS:
        raise _invalid(field, f"There are {len(given)} labels; the most are {_MOST_LABELS}.")
    for key, value in given.items():
        whole = ownership.KEY.fullmatch(key) and ownership.VALUE.fullmatch(value)
        if not whole or max(len(key), len(value)) > ownership.LONGEST:
            raise _invalid(
                f"{field}['{key}']",
                f"'{value}': keys and values have at most {ownership.LONGEST} lowercase letters, digits, underscores and "
                "dashes, and keys begin with a letter.",
            )


class Numbered(Kind):
    """A kind whose ids hold a number that is drawn where a request says `-`."""

    api = API

    @override
    def drawn(self, resource_id: str) -> str:
        folder, _, name = resource_id.rpartition("/")
        least = 10 ** (_DIGITS - 1)
        return f"{folder}/{least + secrets.randbelow(9 * least)}" if name == "-" else resource_id


def display_name(resource: Resource) -> str:
    """The name people know the resource by; its number where it has none, or cannot be read."""
    named = content(resource) if resource.type == DASHBOARDS else resource.properties
    return str(named.get("displayName") or resource.name)


def content(dashboard: Resource) -> Body:
    """What a dashboard holds; nothing where that cannot be read."""
    try:
        found: Any = json.loads(str(dashboard.properties.get("dashboardJson")))
    except ValueError:
        found = None
    return cast("Body", found) if isinstance(found, dict) else {}


class AlertPolicies(Numbered):
    """Alert policies."""

    type = POLICIES

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        properties = resource.properties
        _check_user_labels("alert_policy.user_labels", properties.get("userLabels"))
        conditions = _list(properties.get("conditions"))
        if not conditions:
            raise _invalid("alert_policy.conditions", "An alert policy must have at least one condition.")
        strategy = cast("dict[str, Any]", properties.get("alertStrategy") or {})
        logged = [condition for condition in conditions if condition.get("conditionMatchedLog")]
        for index, condition in enumerate(conditions):
            _check_condition(index, condition)
        if logged and len(conditions) > 1:
            raise _invalid("alert_policy.conditions", "A log-match condition must be the only condition of its policy.")
        if logged and not strategy.get("notificationRateLimit"):
            raise _invalid(
                "alert_policy.alert_strategy.notification_rate_limit",
                "A policy with a log-match condition must set a notification rate limit.",
            )
        if not logged and strategy.get("notificationRateLimit"):
            raise _invalid(
                "alert_policy.alert_strategy.notification_rate_limit",
                "Only policies with log-match conditions take it.",
            )
        close = strategy.get("autoClose")
        if close is not None and _seconds("alert_policy.alert_strategy.auto_close", close) < _LEAST_AUTO_CLOSE:
            raise _invalid(
                "alert_policy.alert_strategy.auto_close", "The auto-close duration must be at least 30 minutes."
            )
        for channel in cast("list[str]", properties.get("notificationChannels") or []):
            own = channel.startswith(f"projects/{resource.project}/")
            if not own or view.find(CHANNELS, channel) is None:
                raise CloudError(404, f"Cannot find resource for notification channel '{channel}'.", "notFound")

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        record = {"mutateTime": resource.created, "mutatedBy": "sandbox@example.com"}
        return {"name": resource.id, "creationRecords": [record]}


def _check_condition(index: int, condition: dict[str, Any]) -> None:
    where = f"alert_policy.conditions[{index}]"
    if not condition.get("displayName"):
        raise _invalid(f"{where}.display_name", "Each condition must have a display name.")
    kinds = [name for name in _CONDITIONS if condition.get(name)]
    if len(kinds) != 1:
        raise _invalid(where, "A condition must be of exactly one kind.")
    if query := condition.get("conditionPrometheusQueryLanguage"):
        text = str(query.get("query") or "")
        if not text or not balanced(text):
            raise _invalid(
                f"{where}.condition_prometheus_query_language.query", f"The query '{text}' cannot be parsed."
            )
        _seconds(f"{where}.condition_prometheus_query_language.duration", query.get("duration") or "0s")
        interval = _seconds(f"{where}.evaluation_interval", query.get("evaluationInterval") or "30s")
        if interval <= 0 or interval % 30:
            raise _invalid(f"{where}.evaluation_interval", "It must be a positive multiple of 30 seconds.")
    if (log := condition.get("conditionMatchedLog")) and not balanced(str(log.get("filter") or "(")):
        raise _invalid(f"{where}.condition_matched_log.filter", f"Unparseable filter: {log.get('filter')}")


def balanced(text: str) -> bool:
    """Whether quotes and brackets in a query or filter are closed in order: the most that is looked at here."""
    stack: list[str] = []
    quoted = escaped = False
    pairs = {")": "(", "]": "[", "}": "{"}
    for letter in text:
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = quoted
        elif letter == '"':
            quoted = not quoted
        elif not quoted and letter in pairs.values():
            stack.append(letter)
        elif not quoted and letter in pairs and (not stack or stack.pop() != pairs[letter]):
            return False
    return not stack and not quoted


def _seconds(field: str, value: object) -> float:
    if not isinstance(value, str) or not _DURATION.match(value):
        raise _invalid(field, f"Illegal duration format; duration must end with 's': '{value}'")
    return float(value[:-1])


def _list(value: object) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", value) if isinstance(value, list) else []


class Dashboards(Numbered):
    """Dashboards."""

    type = DASHBOARDS

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        given: Any = json.loads(str(resource.properties.get("dashboardJson") or "null"))
        if not isinstance(given, dict):
            raise bad_request("Invalid JSON payload received.", "badRequest")
        body = cast("Body", given)
        if not body.get("displayName"):
            raise _invalid("dashboard.display_name", "A dashboard must have a display name.")
        labels = body.get("labels") or {}
        if not isinstance(labels, dict) or not all(isinstance(value, str) for value in cast("Body", labels).values()):
            raise bad_request("Invalid value at 'dashboard.labels': labels are texts by text.", "badRequest")
        layouts = [name for name in ("gridLayout", "mosaicLayout", "rowLayout", "columnLayout") if name in body]
        if len(layouts) > 1:
            raise bad_request(f"oneof field 'layout' is already set. Cannot set '{layouts[1]}'", "badRequest")
        mosaic: dict[str, Any] = body.get("mosaicLayout") or {}
        _check_mosaic(mosaic)

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        return {}


def _check_mosaic(mosaic: dict[str, Any]) -> None:
    columns = mosaic.get("columns", 12)
    if not isinstance(columns, int) or not 1 <= columns <= _WIDEST:
        raise _invalid("dashboard.mosaic_layout.columns", f"It must be from 1 to {_WIDEST}.")
    taken: dict[tuple[int, int], int] = {}
    for index, tile in enumerate(_list(mosaic.get("tiles"))):
        x, y, width, height = (int(tile.get(name) or 0) for name in ("xPos", "yPos", "width", "height"))
        where = f"dashboard.mosaic_layout.tiles[{index}]"
        if width < 1 or height < 1 or x + width > columns:
            raise _invalid(where, f"The tile does not fit into {columns} columns.")
        for place in ((column, row) for column in range(x, x + width) for row in range(y, y + height)):
            if place in taken:
                raise _invalid(where, f"The tile overlaps tile {taken[place]}.")
            taken[place] = index


class Channels(Numbered):
    """Notification channels."""

    type = CHANNELS

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        kind = str(resource.properties.get("type") or "")
        if kind not in _LABELS:
            raise _invalid("notification_channel.type", f"There is no channel type '{kind}'.")
        _check_user_labels("notification_channel.user_labels", resource.properties.get("userLabels"))
        labels = cast("dict[str, str]", resource.properties.get("labels") or {})
        for name in _LABELS[kind]:
            if not labels.get(name):
                raise _invalid(f"notification_channel.labels['{name}']", f"Channels of type {kind} need it.")

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        return {"name": resource.id, "verificationStatus": ""}

    @override
    def validate_delete(self, view: View, resource: Resource) -> None:
        for policy in view.all(POLICIES, resource.project):
            used = cast("list[str]", policy.properties.get("notificationChannels") or [])
            if resource.id in used and not resource.properties.get("forceDelete"):
                raise bad_request(
                    f"Cannot delete notification channel '{resource.id}': it is used by alert policy '{policy.id}'. Remove it "
                    "from the policy first, or set force_delete.",
                    "failedPrecondition",
                )


KINDS: Final[tuple[Kind, ...]] = (AlertPolicies(), Dashboards(), Channels())
