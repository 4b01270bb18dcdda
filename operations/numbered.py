"""What Cloud Monitoring has numbered for a stack, looked up by the labels that the program gave it (`rules.ownership`).

Owns the requests and what people are told when they are refused. Lists of alert policies and notification channels are
filtered by the service; that of dashboards takes no filter. Endpoint and token are the provider's own to set, `ENDPOINT` and
`TOKEN`; without a token the application default credentials are taken. Sources: the REST reference of Cloud Monitoring v3 and
dashboards v1; the provider's `{{MonitoringBasePath}}v3/…` and `v1/…` (terraform-provider-google v7), read 2026-11.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import urllib.error
import urllib.request
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

from rules import ownership

ENDPOINT: Final = "GOOGLE_MONITORING_CUSTOM_ENDPOINT"
"""Environment variable: where Cloud Monitoring is, in place of `_GOOGLE`."""
TOKEN: Final = "GOOGLE_OAUTH_ACCESS_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable: an access token, in place of the application default credentials."""

_GOOGLE: Final = "https://monitoring.googleapis.com/"
_SCOPE: Final = "https://www.googleapis.com/auth/monitoring.read"
_PAGE: Final = 500
_SECONDS: Final = 30.0
"""How long an answer may take."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of resource whose name Cloud Monitoring draws."""

    version: str
    """Of the API."""
    collection: str
    """Its name in paths, and the field of a list."""
    filtered: bool
    """Whether its list takes a filter."""


KINDS: Final[Mapping[str, Kind]] = {
    "gcp:monitoring/alertPolicy:AlertPolicy": Kind(version="v3", collection="alertPolicies", filtered=True),
    "gcp:monitoring/dashboard:Dashboard": Kind(version="v1", collection="dashboards", filtered=False),
    "gcp:monitoring/notificationChannel:NotificationChannel": Kind(
        version="v3", collection="notificationChannels", filtered=True
    ),
}
"""By the engine's type. All other resources of the program have fixed names (`operations.provider_ids`)."""


class LookUpError(Exception):
    """It is not known what Cloud Monitoring has; the message says why and what to do, in one line."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A resource that carries the labels in question. `created` is the API's, empty for dashboards."""

    id: str
    display_name: str
    created: str

    @property
    def number(self) -> str:
        """What the service drew: the rest of the id names the project by its id or by its number."""
        return number_of(self.id)


def number_of(resource_id: str) -> str:
    """The part of an id that the service drew."""
    return resource_id.rsplit("/", 1)[-1]


def content(kind: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs of a resource of one of `KINDS`; of a dashboard what its JSON says."""
    if not kind.endswith(":Dashboard"):
        return inputs
    try:
        found: Any = json.loads(str(inputs.get("dashboardJson")))
    except ValueError:
        found = None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def mark_of(kind: str, inputs: Mapping[str, Any]) -> str | None:
    """What the labels say whose resource it is; None where it has none of this program's."""
    return ownership.mark_in(_labels(kind, content(kind, inputs)))


class Monitoring:
    """Cloud Monitoring as `environment` says where it is and who asks. Every list is asked for once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._base = (environment.get(ENDPOINT) or _GOOGLE).rstrip("/") + "/"
        self._token = environment.get(TOKEN)
        self._lists: dict[tuple[str, ...], Sequence[Mapping[str, Any]] | LookUpError] = {}

    def found(self, kind: str, inputs: Mapping[str, Any], project: str | None) -> list[Found]:
        """What carries the labels of the resource with these inputs, the oldest first.

        `project` is the Google Cloud project of a resource that names none.

        Raises:
            LookUpError: The inputs have no such labels or project, or the service does not answer or refuses.
        """
        mark = mark_of(kind, inputs)
        where = inputs.get("project") or project
        if mark is None or not where:
            raise LookUpError("it has no labels of this program" if where else "its project is not known")
        found = [
            Found(
                id=str(item["name"]),
                display_name=str(item.get("displayName", "")),
                created=str((item.get("creationRecord") or {}).get("mutateTime", "")),
            )
            for item in self._list(kind, str(where), str(_labels(kind, inputs).get(ownership.STACK, "")))
            if ownership.mark_in(_labels(kind, item)) == mark
        ]
        return sorted(found, key=lambda each: each.created)

    def _list(self, kind: str, project: str, stack: str) -> Sequence[Mapping[str, Any]]:
        key = (kind, project, stack)
        if key not in self._lists:
            try:
                self._lists[key] = self._pages(KINDS[kind], project, stack)
            except LookUpError as error:
                self._lists[key] = error
        known = self._lists[key]
        if isinstance(known, LookUpError):
            raise known
        return known

    def _pages(self, kind: Kind, project: str, stack: str) -> Sequence[Mapping[str, Any]]:
        path = f"{kind.version}/projects/{project}/{kind.collection}"
        query: dict[str, str | int] = {"pageSize": _PAGE}
        if kind.filtered:
            query["filter"] = f'user_labels.{ownership.STACK}="{stack}"'
        items: list[Mapping[str, Any]] = []
        while True:
            answer = self._get(f"{path}?{urlencode(query)}")
            items += answer.get(kind.collection) or []
            if not answer.get("nextPageToken"):
                return items
            query["pageToken"] = answer["nextPageToken"]

    def _get(self, path: str) -> dict[str, Any]:
        url = self._base + path
        try:
            request = urllib.request.Request(url, headers=self._headers(url))  # noqa: S310 - the provider's endpoint
            with _opener(url).open(request, timeout=_SECONDS) as response:
                answer: Any = json.load(response)
        except urllib.error.HTTPError as error:
            raise LookUpError(_refusal(error)) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise LookUpError(f"{self._base} does not answer as Cloud Monitoring does ({error})") from None
        if not isinstance(answer, dict):
            raise LookUpError(f"{self._base} does not answer as Cloud Monitoring does")
        return cast("dict[str, Any]", answer)

    def _headers(self, url: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else _default_credentials(url)


def _labels(kind: str, resource: Mapping[str, Any]) -> Mapping[str, Any]:
    found = resource.get("userLabels" if KINDS[kind].filtered else "labels")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _default_credentials(url: str) -> dict[str, str]:
    """Headers of a request by whoever is logged in."""
    import google.auth  # noqa: PLC0415 - half a second that a look-up with a token does without
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - as above
    from google.auth.transport.requests import Request  # noqa: PLC0415 - as above

    headers: dict[str, str] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about quota projects: where one is missing, the refusal says so
            credentials, _ = google.auth.default(scopes=[_SCOPE])
            credentials.before_request(Request(), "GET", url, headers)
    except GoogleAuthError as error:
        why = " ".join(str(error).split())
        raise LookUpError(f"no credentials ({why}). Log in: gcloud auth application-default login") from None
    return headers


def _refusal(error: urllib.error.HTTPError) -> str:
    try:
        said = str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        said = error.reason
    text = f"Cloud Monitoring answers {error.code}: {' '.join(said.split())}"
    return f"{text} (roles/monitoring.viewer is enough)" if error.code == 403 else text


def _opener(url: str) -> urllib.request.OpenerDirector:
    """As Go's clients do: a proxy is for other machines."""
    host = urlsplit(url).hostname or ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if here else []))
