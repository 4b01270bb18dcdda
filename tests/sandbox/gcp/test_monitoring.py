"""Cloud Monitoring in the simulated cloud: numbers for names, and what its API refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.cloud.daemon import Daemon
from sandbox.cloud.errors import CloudError
from sandbox.cloud.monitoring import balanced
from tests.sandbox.gcp.driver import PROJECT, Engine, Made, ProviderError

QUERY = {"query": 'sum(rate(x{a="b"}[5m])) > 1', "duration": "60s", "evaluationInterval": "30s"}


@pytest.fixture
def cloud(engine: Engine) -> Engine:
    """An engine in a project in which the API is on."""
    engine.create("Service", "monitoring", {"service": "monitoring.googleapis.com"})
    return engine


def policy(condition: Any = None, **changes: Any) -> dict[str, Any]:
    """An alert policy with one condition."""
    conditions = [condition or {"displayName": "x", "conditionPrometheusQueryLanguage": QUERY}]
    return {"displayName": "it", "combiner": "OR", "conditions": conditions, **changes}


def query(**changes: Any) -> dict[str, Any]:
    """A policy whose query is changed."""
    return policy({"displayName": "x", "conditionPrometheusQueryLanguage": {**QUERY, **changes}})


def dashboard(*tiles: dict[str, int], columns: int = 48) -> dict[str, Any]:
    """A dashboard of these tiles."""
    content = {"displayName": "it", "mosaicLayout": {"columns": columns, "tiles": list(tiles)}}
    return {"dashboardJson": json.dumps(content)}


def email(engine: Engine, name: str = "c", **changes: Any) -> Made:
    """A channel for an address."""
    labels = {"email_address": "on-call@example.com"}
    return engine.create("NotificationChannel", name, {"type": "email", "labels": labels, **changes})


def test_names_are_numbers_that_the_service_draws(cloud: Engine) -> None:
    """Two creates of the same policy make two policies, as on the real cloud; nothing says that one is there."""
    first, second = (cloud.create("AlertPolicy", name, policy()) for name in "ab")
    assert re.fullmatch(rf"projects/{PROJECT}/alertPolicies/\d{{19}}", first.id)
    assert first.id != second.id
    assert first.state["name"] == first.id
    assert cloud.diff(first, policy()).changes == {}


def test_labels_are_changed_in_place(cloud: Engine) -> None:
    """A stack that was made before there were labels gets them without losing anything; they survive a refresh."""
    plain = cloud.create("AlertPolicy", "a", policy())
    labelled = policy(userLabels={"pulumi_stack": "dev"})
    change = cloud.diff(plain, labelled)
    assert (change.changes, change.replaces) == ({"userLabels": "ADD"}, [])
    made = cloud.update(plain, labelled)
    found = cloud.read("AlertPolicy", "a", made.id, made)
    assert found is not None
    assert found.inputs["userLabels"] == found.state["userLabels"] == {"pulumi_stack": "dev"}
    assert cloud.diff(found, labelled).changes == {}
    assert cloud.diff(found, policy(userLabels={"pulumi_stack": "prod"})).changes == {
        "userLabels.pulumi_stack": "UPDATE"
    }


@pytest.mark.usefixtures("fast")
def test_a_lost_answer_makes_a_second_one(cloud: Engine, daemon: Daemon, order: Callable[..., None]) -> None:
    """As on the real cloud: the provider sends the request again, which draws a new number, and the first is in no state.

    The next update finds it by its labels: see `tests/sandbox/stack/test_numbered.py`.
    """
    order("responseLost", type="monitoring.alertPolicies", name="it")
    made = cloud.create("AlertPolicy", "a", policy())
    ids = [found.id for found in daemon.cloud.all("monitoring.alertPolicies")]
    assert len(ids) == 2
    assert made.id in ids
    assert made.state["name"] == made.id
    assert daemon.cloud.faults.as_json()["struck"] == [1], "a script counts both attempts for one policy"


@pytest.mark.usefixtures("fast")
def test_attempts_are_counted_by_display_name(cloud: Engine, daemon: Daemon, order: Callable[..., None]) -> None:
    """Each attempt draws a number; counted by that, a fault would strike for ever."""
    order("serverError", type="monitoring.*", operation="create", count=2)
    cloud.create("Dashboard", "d", dashboard())
    email(cloud, displayName="on call")
    assert daemon.cloud.faults.as_json()["struck"] == [4]
    assert len(daemon.cloud.all("monitoring.dashboards")) == 1


def test_a_dashboard_that_is_no_object(cloud: Engine, daemon: Daemon) -> None:
    """Whatever a request holds, the service answers it in its own words."""
    for content in ("[]", "{", None):
        with pytest.raises((CloudError, ValueError)):
            daemon.cloud.create("monitoring.dashboards", "projects/p/dashboards/-", PROJECT, {"dashboardJson": content})
    assert cloud.client.get("monitoring.dashboards", "projects/p/dashboards/-") is None


def test_a_refresh_finds_what_was_made(cloud: Engine) -> None:
    """The number in the id is the identity; it survives reading."""
    made = cloud.create("Dashboard", "d", dashboard())
    assert cloud.client.get("monitoring.dashboards", made.id) is not None


def test_the_api_must_be_on(engine: Engine) -> None:
    """The text is the real one."""
    with pytest.raises(ProviderError, match=r"monitoring\.googleapis\.com/overview"):
        engine.create("AlertPolicy", "a", policy())


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no condition": ("AlertPolicy", {**policy(), "conditions": []}, "at least one condition"),
    "open query": ("AlertPolicy", query(query="sum(rate(x[5m])"), "cannot be parsed"),
    "no seconds": ("AlertPolicy", query(duration="5m"), "duration must end with 's'"),
    "odd interval": ("AlertPolicy", query(evaluationInterval="45s"), "multiple of 30 seconds"),
    "log without limit": (
        "AlertPolicy",
        policy({"displayName": "x", "conditionMatchedLog": {"filter": 'severity="ERROR"'}}),
        "must set a notification rate limit",
    ),
    "limit without log": (
        "AlertPolicy",
        policy(alertStrategy={"notificationRateLimit": {"period": "300s"}}),
        "Only policies with log-match conditions",
    ),
    "closes too soon": ("AlertPolicy", policy(alertStrategy={"autoClose": "60s"}), "at least 30 minutes"),
    "unknown channel": (
        "AlertPolicy",
        policy(notificationChannels=[f"projects/{PROJECT}/notificationChannels/1"]),
        "Cannot find resource for notification channel",
    ),
    "label of large letters": ("AlertPolicy", policy(userLabels={"Team": "a"}), "alert_policy.user_labels['Team']"),
    "label too long": ("AlertPolicy", policy(userLabels={"team": "a" * 64}), "have at most 63 lowercase letters"),
    "too many labels": ("AlertPolicy", policy(userLabels={f"a{n}": "" for n in range(65)}), "the most are 64"),
    "label with a dot": (
        "NotificationChannel",
        {"type": "email", "labels": {"email_address": "a@example.com"}, "userLabels": {"team": "a.b"}},
        "notification_channel.user_labels['team']",
    ),
    "labels that are no texts": (
        "Dashboard",
        {"dashboardJson": json.dumps({"displayName": "it", "labels": {"team": 1}})},
        "labels are texts by text",
    ),
    "no name": ("Dashboard", {"dashboardJson": "{}"}, "must have a display name"),
    "tiles that overlap": (
        "Dashboard",
        dashboard({"width": 24, "height": 8}, {"xPos": 12, "width": 24, "height": 8}),
        "overlaps tile 0",
    ),
    "a tile too wide": ("Dashboard", dashboard({"xPos": 30, "width": 24, "height": 8}), "does not fit into 48 columns"),
    "too many columns": ("Dashboard", dashboard(columns=60), "from 1 to 48"),
    "no such type": ("NotificationChannel", {"type": "telegraph"}, "no channel type"),
    "no address": ("NotificationChannel", {"type": "email", "labels": {}}, "Channels of type email need it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(cloud: Engine, case: str) -> None:
    """A policy that the sandbox takes and the real API does not would be found out at the first deployment."""
    kind, inputs, message = REFUSED[case]
    with pytest.raises(ProviderError, match=re.escape(message)):
        cloud.create(kind, "x", inputs)


def test_what_the_provider_itself_refuses(cloud: Engine) -> None:
    """Before anything is sent."""
    assert "invalid JSON" in cloud.failures("Dashboard", "d", {"dashboardJson": "{"})["dashboardJson"]
    many = policy(conditions=[policy()["conditions"][0]] * 7)
    assert "No more than 6" in cloud.failures("AlertPolicy", "a", many)["conditions"]
    assert "combiner" in cloud.failures("AlertPolicy", "a", policy(combiner="XOR"))


def test_a_channel_in_use_stays(cloud: Engine) -> None:
    """An alert that tells nobody is worse than an error."""
    channel = email(cloud)
    user = cloud.create("AlertPolicy", "a", policy(notificationChannels=[channel.id]))
    with pytest.raises(ProviderError, match="used by alert policy"):
        cloud.delete(channel)
    cloud.delete(user)
    cloud.delete(channel)
    assert cloud.client.get("monitoring.notificationChannels", channel.id) is None


@pytest.mark.parametrize(
    ("text", "closed"),
    [('a{b="}"}', True), ('a{b="\\"}"}', True), ("(]", False), ('"', False), ("a)", False), ("", True)],
)
def test_brackets_and_quotes(text: str, closed: bool) -> None:
    """Brackets inside quotes do not count."""
    assert balanced(text) is closed
