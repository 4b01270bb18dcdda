"""What Cloud Monitoring numbers: found again by its labels, taken in once, and named where it cannot be looked up."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from typing_extensions import override

from operations import numbered, recover
from rules import ownership
from tests.unit.fake_pulumi import PROVIDER_URN, FakePulumi, Make, export, refresh

NAME = "monitoring-latency"
LABELS = ownership.user_labels("p", "dev", NAME)
POLICY = "gcp:monitoring/alertPolicy:AlertPolicy"
CHANNEL = "gcp:monitoring/notificationChannel:NotificationChannel"
DASHBOARD = "gcp:monitoring/dashboard:Dashboard"


@dataclass
class Google:
    """Cloud Monitoring's lists: what they hold, two entries a page, and who asked for what."""

    holds: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, Any])
    """By collection."""
    status: int = 200
    body: bytes | None = None
    """Answered in place of what it holds."""
    asked: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list[Any])
    """Path, parameters and Authorization of each request."""
    url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which the provider, too, is sent here."""
        return {numbered.ENDPOINT: self.url, numbered.TOKEN: "token"}


class Handler(BaseHTTPRequestHandler):
    """Answers for a `Google`."""

    def do_GET(self) -> None:
        """One page."""
        google = cast("Google", getattr(self.server, "google"))  # noqa: B009 - the server does not declare it
        parts = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        google.asked.append((parts.path, query, self.headers.get("Authorization")))
        collection = parts.path.rsplit("/", 1)[-1]
        held, start = google.holds.get(collection, []), int(query.get("pageToken", 0))
        page = {collection: held[start : start + 2]} if held else {}
        more = {"nextPageToken": str(start + 2)} if start + 2 < len(held) else {}
        body = google.body if google.body is not None else json.dumps({**page, **more}).encode()
        self.send_response(google.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Keeps requests out of the output."""


@pytest.fixture
def google() -> Iterator[Google]:
    """Cloud Monitoring, on this machine."""
    found = Google()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        setattr(server, "google", found)  # noqa: B010 - as above
        found.url = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def in_cloud(number: int, *, named: str = "Slow", labels: Any = None, created: str = "") -> dict[str, Any]:
    """An alert policy or channel as the lists have it."""
    name = f"projects/acme/alertPolicies/{number}"
    record = {"creationRecord": {"mutateTime": created}} if created else {}
    return {"name": name, "displayName": named, "userLabels": LABELS if labels is None else labels, **record}


def policy(kind: str = POLICY, **fields: Any) -> dict[str, Any]:
    """An alert policy as the engine has it."""
    inputs = {"displayName": "Slow", "userLabels": LABELS}
    urn = f"urn:pulumi:dev::p::{kind}::{NAME}"
    return {"urn": urn, "custom": True, "type": kind, "inputs": inputs, **fields}


def planned(**fields: Any) -> dict[str, Any]:
    """One that a preview would create."""
    return policy(provider=f"{PROVIDER_URN}::1", parent=PROVIDER_URN, **fields)


def ids(pulumi: FakePulumi) -> list[tuple[str, bool]]:
    """What the state holds: id, and whether it is to be deleted."""
    return [(known["id"], bool(known.get("delete"))) for known in pulumi.resources()]


def test_what_was_being_created_is_found(make: Make, google: Google) -> None:
    """Under the number that was drawn; by name the provider then reads it. The filter and the token are sent."""
    google.holds["alertPolicies"] = [in_cloud(1, labels={"team": "a"}), in_cloud(2, labels={}), in_cloud(3)]
    pulumi = make(export(pending=[("creating", policy())]))
    assert recover.recover(pulumi.command, google.environment) == 0
    assert pulumi.calls()[-1] == refresh(policy()["urn"])
    (found,) = pulumi.resources()
    assert (found["id"], found["initErrors"]) == ("projects/acme/alertPolicies/3", [recover.MARK])
    assert found["outputs"] == {**policy()["inputs"], "name": found["id"]}
    (first, query, token), (second, following, _) = google.asked
    assert first == second == "/v3/projects/acme/alertPolicies"
    assert query["filter"] == f'user_labels.pulumi_stack="{LABELS["pulumi_stack"]}"'
    assert (following["pageToken"], token) == ("2", "Bearer token")


@pytest.mark.parametrize("adopt", [True, False])
def test_what_does_not_exist_is_made_anew(make: Make, google: Google, adopt: bool) -> None:
    """Nothing of these labels is there: there is nothing to read and nothing to say."""
    state = export() if adopt else export(pending=[("creating", policy())])
    pulumi = make(state, creates=[planned()])
    assert recover.recover(pulumi.command, google.environment, adopt=adopt) == 0
    assert pulumi.resources() == []
    assert "refresh" not in [call[0] for call in pulumi.calls()]


@pytest.mark.parametrize("kind", [POLICY, CHANNEL])
def test_adoption(make: Make, google: Google, kind: str) -> None:
    """After a provider has died: what the preview would create is looked up, of each kind in its own list."""
    google.holds[numbered.KINDS[kind].collection] = [in_cloud(1)]
    pulumi = make(export(), creates=[planned(kind=kind)])
    assert recover.recover(pulumi.command, google.environment, adopt=True) == 0
    assert ids(pulumi) == [("projects/acme/alertPolicies/1", False)]


def test_dashboards(make: Make, google: Google) -> None:
    """Their list takes no filter, their labels are in their JSON, and their ids name the project by its number."""
    labels = ownership.dashboard_labels("p", "dev", NAME)
    text = json.dumps({"displayName": "D", "labels": labels})
    other = {"name": "projects/7/dashboards/0", "displayName": "D", "labels": {"pulumi_resource-other": ""}}
    google.holds["dashboards"] = [
        other,
        *({"name": f"projects/7/dashboards/{n}", "displayName": "D", "labels": labels} for n in "ab"),
    ]
    known = policy(DASHBOARD, id="projects/acme/dashboards/a", inputs={"dashboardJson": text})
    pulumi = make(export(known))
    assert recover.recover(pulumi.command, google.environment, once=True) == 0
    assert ids(pulumi) == [("projects/acme/dashboards/a", False), ("projects/7/dashboards/b", True)]
    assert {"filter"}.isdisjoint(google.asked[0][1])
    assert google.asked[0][0] == "/v1/projects/acme/dashboards"


def test_several_are_found(make: Make, google: Google, capfd: pytest.CaptureFixture[str]) -> None:
    """The oldest is taken in, the next update deletes the others, and a copy under another name is somebody's to judge."""
    google.holds["alertPolicies"] = [
        in_cloud(1, created="2026-03-03T00:00:00Z"),
        in_cloud(2, created="2026-02-02T00:00:00Z"),
        in_cloud(3, created="2026-01-01T00:00:00Z", named="Copy of Slow"),
    ]
    pulumi = make(export(pending=[("creating", policy())]))
    assert recover.recover(pulumi.command, google.environment) == 0
    path = "projects/acme/alertPolicies"
    assert ids(pulumi) == [(f"{path}/2", False), (f"{path}/1", True)]
    taken, second = pulumi.resources()
    assert (taken["initErrors"], second.get("initErrors")) == ([recover.MARK], None)
    said = capfd.readouterr().err
    assert f"{path}/2 is the stack's, and the next update deletes {path}/1" in said
    assert f"{path}/3 ('Copy of Slow') carries the labels of {NAME} and is in no stack. Delete it, or take" in said


def test_what_the_stack_has_twice(make: Make, google: Google) -> None:
    """Only where it is asked for; a protected resource's second one is not protected, or the update could not end."""
    google.holds["alertPolicies"] = [in_cloud(1), in_cloud(2)]
    known = policy(id="projects/acme/alertPolicies/2", protect=True, outputs={})
    state = export(known)
    assert recover.twice(state, google.environment)
    pulumi = make(state)
    assert recover.recover(pulumi.command, google.environment) == 0
    assert pulumi.resources() == [known]
    assert recover.recover(pulumi.command, google.environment, once=True) == 0
    kept, second = pulumi.resources()
    assert kept == known
    assert (second["id"], second["delete"], second.get("protect")) == ("projects/acme/alertPolicies/1", True, None)
    assert not recover.twice(export(kept, second), google.environment), "what is to be deleted is known"
    assert recover.recover(pulumi.command, google.environment, once=True) == 0
    assert pulumi.resources() == [kept, second]


def test_a_copy_is_no_second_one(google: Google) -> None:
    """Who copies a policy in the console gets its labels too; the copy's name is another."""
    google.holds["alertPolicies"] = [in_cloud(1), in_cloud(2, named="Slow (copy)")]
    assert not recover.twice(export(policy(id="projects/acme/alertPolicies/1")), google.environment)


def test_a_replacement_beside_its_predecessor(make: Make, google: Google) -> None:
    """The old policy carries the labels too, and is in the state: it is not what was being created."""
    google.holds["alertPolicies"] = [in_cloud(1), in_cloud(2)]
    old = policy(id="projects/acme/alertPolicies/1")
    pulumi = make(export(old, pending=[("creating", policy())]))
    assert recover.recover(pulumi.command, google.environment) == 0
    assert ids(pulumi) == [("projects/acme/alertPolicies/2", False), ("projects/acme/alertPolicies/1", True)]


def test_lists_are_asked_for_once(make: Make, google: Google) -> None:
    """A dozen policies are one list."""
    known = [policy(id=f"projects/acme/alertPolicies/{n}", urn=f"urn:pulumi:dev::p::{POLICY}::{n}") for n in range(3)]
    assert recover.recover(make(export(*known)).command, google.environment, once=True) == 0
    assert len(google.asked) == 1


def test_what_others_made_is_not_asked_about(google: Google) -> None:
    """A policy without the labels, as of a stack that was made before they were: nothing says whose it is."""
    bare = policy(id="projects/acme/alertPolicies/1", inputs={"displayName": "Slow"})
    assert not recover.twice(export(bare), google.environment)
    assert google.asked == []


REFUSALS: dict[str, tuple[int, bytes, str]] = {
    "no permission": (
        403,
        b'{"error": {"code": 403, "message": "Permission denied\\non it."}}',
        "Cloud Monitoring answers 403: Permission denied on it. (roles/monitoring.viewer is enough)",
    ),
    "no login": (401, b'{"error": {"message": "Invalid credentials."}}', "answers 401: Invalid credentials."),
    "no Google": (502, b"<html>", "answers 502: Bad Gateway"),
    "no JSON": (200, b"<html>", "does not answer as Cloud Monitoring does"),
    "no object": (200, b"[]", "does not answer as Cloud Monitoring does"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(make: Make, google: Google, capfd: pytest.CaptureFixture[str], case: str) -> None:
    """One line says why nothing is known and what to compare by hand; everything else is recovered, and the update goes on."""
    google.status, google.body, why = REFUSALS[case]
    pulumi = make(export(), creates=[planned()])
    assert recover.recover(pulumi.command, google.environment, adopt=True) == 0
    assert pulumi.resources() == []
    said = capfd.readouterr().err
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if NAME in line]
    assert line.startswith(f"  Google Cloud draws the ids of {NAME}, and they could not be looked up: ")
    assert why in line
    assert "compare those of the same display name afterwards, and delete what is in no stack" in line
    assert not recover.twice(export(policy(id="projects/acme/alertPolicies/1")), google.environment)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:0", "localhost:8080"])
def test_where_nobody_answers(endpoint: str) -> None:
    """A cloud that is not there, and an endpoint that is no address, are errors of one line as well."""
    monitoring = numbered.Monitoring({numbered.ENDPOINT: endpoint, numbered.TOKEN: "token"})
    with pytest.raises(numbered.LookUpError, match=f"{endpoint}.*does not answer as Cloud Monitoring does"):
        monitoring.found(POLICY, policy()["inputs"], "acme")


def test_nobody_is_logged_in(make: Make, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a token the application default credentials are taken; without those there is one line with what to do."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    pulumi = make(export(pending=[("creating", policy())]))
    assert recover.recover(pulumi.command, {numbered.ENDPOINT: "http://127.0.0.1:0"}) == 0
    said = capfd.readouterr().err
    assert "Log in: gcloud auth application-default login" in said
    assert f"If {NAME} ({POLICY}) exists, import it: pulumi import" in said
    assert "Traceback" not in said


def test_whoever_is_logged_in_asks(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application default credentials' own headers, quota project included."""
    from google.auth import credentials  # noqa: PLC0415 - loaded by the look-up alone

    class Someone(credentials.AnonymousCredentials):
        @override
        def before_request(self, request: Any, method: str, url: str, headers: dict[str, str]) -> None:
            assert (method, url.split("?", maxsplit=1)[0]) == ("GET", f"{google.url}v3/projects/acme/alertPolicies")
            headers["Authorization"] = "Bearer theirs"

    def default(scopes: list[str]) -> tuple[Someone, None]:
        assert scopes == ["https://www.googleapis.com/auth/monitoring.read"]
        return Someone(), None

    monkeypatch.setattr("google.auth.default", default)
    monitoring = numbered.Monitoring({numbered.ENDPOINT: google.url})
    assert monitoring.found(POLICY, policy()["inputs"], "acme") == []
    assert google.asked[0][2] == "Bearer theirs"


def test_what_belongs_to_no_project_is_not_looked_up() -> None:
    """A project is never guessed."""
    monitoring = numbered.Monitoring({})
    with pytest.raises(numbered.LookUpError, match="its project is not known"):
        monitoring.found(POLICY, policy()["inputs"], None)
