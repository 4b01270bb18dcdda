"""Cloud Monitoring's API on the simulated cloud's port, in its words and not the provider's."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from operations.numbered import ENDPOINT, TOKEN, Monitoring
from rules import ownership
from sandbox.cloud.daemon import Daemon
from tests.sandbox.gcp.driver import PROJECT, Engine, Made
from tests.sandbox.rest.asking import error, get, names

V3 = f"/v3/projects/{PROJECT}"
V1 = f"/v1/projects/{PROJECT}"
QUERY = {"query": "x > 1", "duration": "60s", "evaluationInterval": "30s", "disableMetricValidation": True}


@pytest.fixture
def cloud(engine: Engine) -> Engine:
    """An engine in a project in which the API is on."""
    engine.create("Service", "monitoring", {"service": "monitoring.googleapis.com"})
    return engine


def policy(cloud: Engine, name: str, stack: str = "dev") -> Made:
    """An alert policy of a stack."""
    inputs = {
        "displayName": name,
        "combiner": "OR",
        "conditions": [{"displayName": "x", "conditionPrometheusQueryLanguage": QUERY}],
        "userLabels": ownership.user_labels("p", stack, name),
    }
    return cloud.create("AlertPolicy", name, inputs)


def test_alert_policies(cloud: Engine, home: Path) -> None:
    """Each with its labels, the names of its conditions and who made it when; a label of a stack picks those of that stack."""
    mine, other = policy(cloud, "a"), policy(cloud, "a", "prod")
    (found,) = [item for item in get(home, f"{V3}/alertPolicies")["alertPolicies"] if item["name"] == mine.id]
    assert found == get(home, f"/v3/{mine.id}")
    assert found["userLabels"] == ownership.user_labels("p", "dev", "a")
    assert found["conditions"][0]["name"] == f"{mine.id}/conditions/1"
    assert found["creationRecord"]["mutateTime"]
    assert (found["enabled"], found["combiner"]) == (True, "OR")
    label = ownership.user_labels("p", "prod", "a")[ownership.STACK]
    picked = urlencode({"filter": f'user_labels.{ownership.STACK}="{label}"'})
    assert names(get(home, f"{V3}/alertPolicies?{picked}"), "alertPolicies") == [other.id]
    assert error(home, f"{V3}/alertPolicies/1")["status"] == "NOT_FOUND"
    assert error(home, f"{V3}/alertPolicies?filter=x")["status"] == "INVALID_ARGUMENT"


def test_pages(cloud: Engine, home: Path) -> None:
    """A list of several pages is read to its end."""
    made = sorted(policy(cloud, name).id for name in "abc")
    first = get(home, f"{V3}/alertPolicies?pageSize=2")
    second = get(home, f"{V3}/alertPolicies?pageSize=2&pageToken={first['nextPageToken']}")
    assert sorted(names(first, "alertPolicies") + names(second, "alertPolicies")) == made
    assert "nextPageToken" not in second


def test_channels_and_dashboards(cloud: Engine, home: Path) -> None:
    """A channel without what only the provider knows, and what a dashboard's JSON says, with its name and etag."""
    labels = ownership.user_labels("p", "dev", "c")
    address = {"email_address": "on-call@example.com"}
    channel = cloud.create("NotificationChannel", "c", {"type": "email", "labels": address, "userLabels": labels})
    (found,) = get(home, f"{V3}/notificationChannels")["notificationChannels"]
    record = found.pop("creationRecord")
    assert record["mutateTime"]
    assert found == {
        "name": channel.id,
        "type": "email",
        "labels": address,
        "userLabels": labels,
        "enabled": True,
    }
    content = {"displayName": "it", "labels": ownership.dashboard_labels("p", "dev", "d")}
    board = cloud.create("Dashboard", "d", {"dashboardJson": json.dumps(content)})
    (found,) = get(home, f"{V1}/dashboards?filter=x")["dashboards"]
    assert found.pop("etag")
    assert found == {**content, "name": board.id}


def test_the_api_must_be_on(engine: Engine, home: Path) -> None:
    """As for changes."""
    assert engine.client is not None
    assert error(home, f"{V1}/dashboards")["message"].startswith("monitoring.googleapis.com has not been used")


def test_what_recovery_asks(cloud: Engine, home: Path, daemon: Daemon) -> None:
    """Recovery's own client reads the face, of each kind; the mark tells a stack's resources from each other."""
    assert daemon.server.ready
    made = [policy(cloud, name) for name in "ab"]
    about = json.loads((home / "cloud.json").read_text())
    monitoring = Monitoring({ENDPOINT: about["url"], TOKEN: about["token"]})
    kind = "gcp:monitoring/alertPolicy:AlertPolicy"
    (found,) = monitoring.found(kind, made[1].inputs, PROJECT)
    assert (found.id, found.display_name) == (made[1].id, "b")
