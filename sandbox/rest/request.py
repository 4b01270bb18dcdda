"""One request to the REST face, and the forms of Google's answers: lists with pages, errors in their envelope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.errors import CloudError, bad_request
from sandbox.cloud.names import COMPUTE, number_of
from sandbox.rest.filtering import picked

Body = dict[str, Any]

CREATED: Final = "2026-01-01T00:00:00.000-08:00"
"""When everything began that was always there, such as zones."""

_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}
_INFO_REASONS: Final = {"accessNotConfigured": "SERVICE_DISABLED", "rateLimitExceeded": "RATE_LIMIT_EXCEEDED"}
"""google.rpc.ErrorInfo's name for the older reason (googleapis/google/api/error_reason.proto)."""
_LARGEST_PAGE: Final = 500


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked: `path` are the variable parts of the URL's path."""

    cloud: Cloud
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def project(self) -> str:
        """The project in question."""
        return self.path["project"]


def envelope(error: CloudError) -> Body:
    """An error as Google's APIs answer it: `errors` for the older clients, `details` with an ErrorInfo for the newer ones."""
    detail = {"message": error.message, "domain": "global", "reason": error.reason}
    body: Body = {
        "code": error.code,
        "message": error.message,
        "status": _STATUS.get(error.code, "UNKNOWN"),
        "errors": [detail],
    }
    reason = _INFO_REASONS.get(error.reason)
    if reason is not None:
        info = {"reason": reason, "domain": "googleapis.com", "metadata": dict(error.metadata)}
        body["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **info}]
    return {"error": body}


def compute_list(request: Request, kind: str, path: str, items: Sequence[Body]) -> Body:
    """A page of Compute Engine's resources; `kind` is that of one of them."""
    chosen, following = _page(request, picked(request.query.get("filter", ""), items), "maxResults")
    return {
        "kind": f"{kind}List",
        "id": path,
        "selfLink": f"{COMPUTE}{path}",
        **({"items": chosen} if chosen else {}),
        **({"nextPageToken": following} if following else {}),
    }


def page(request: Request, name: str, items: Sequence[Body]) -> Body:
    """A page of the newer APIs' resources, under the field `name`."""
    chosen, following = _page(request, picked(request.query.get("filter", ""), items), "pageSize")
    return {name: chosen, **({"nextPageToken": following} if following else {})}


def compute_aggregated(request: Request, kind: str, collection: str, scopes: Mapping[str, Sequence[Body]]) -> Body:
    """A page of `aggregatedList`: resources by scope, such as `zones/us-east5-b`; a scope without any has a warning instead.

    `kind` is that of the list, `collection` the field of each scope that holds its resources.
    """
    wanted = request.query.get("filter", "")
    pairs = [{"scope": scope, "item": item} for scope, items in scopes.items() for item in picked(wanted, items)]
    chosen, following = _page(request, pairs, "maxResults")
    found: Body = {}
    for scope in scopes:
        here = [pair["item"] for pair in chosen if pair["scope"] == scope]
        found[scope] = {collection: here} if here else {"warning": _no_results(scope)}
    path = f"projects/{request.project}/aggregated/{collection}"
    token = {"nextPageToken": following} if following else {}
    return {"kind": kind, "id": path, "items": found, "selfLink": f"{COMPUTE}{path}", **token}


def _no_results(scope: str) -> Body:
    return {
        "code": "NO_RESULTS_ON_PAGE",
        "message": f"There are no results for scope '{scope}' on this page.",
        "data": [{"key": "scope", "value": scope}],
    }


def compute_item(kind: str, path: str, **fields: Any) -> Body:
    """A resource of Compute Engine with the fields that all of them have."""
    name = path.rsplit("/", 1)[-1]
    own = {"kind": kind, "id": str(number_of(path, 19)), "creationTimestamp": CREATED, "name": name}
    return {**own, **fields, "selfLink": f"{COMPUTE}{path}"}


def one(items: Sequence[Body], name: str, path: str) -> Body:
    """The item with that name.

    Raises:
        CloudError: 404, with its path.
    """
    found = next((item for item in items if item["name"] == name), None)
    if found is None:
        raise CloudError(404, f"The resource '{path}/{name}' was not found", "notFound")
    return found


def _page(request: Request, items: list[Body], parameter: str) -> tuple[list[Body], str | None]:
    try:
        size = int(request.query.get(parameter) or _LARGEST_PAGE)
        start = int(request.query.get("pageToken") or 0)
    except ValueError:
        raise bad_request(f"Invalid value for field '{parameter}' or 'pageToken': no number.", "invalid") from None
    if parameter == "pageSize":
        size = min(size, _LARGEST_PAGE)  # the newer APIs give what they can; Compute Engine refuses
    if not 1 <= size <= _LARGEST_PAGE or start < 0:
        raise bad_request(f"Invalid value for field '{parameter}': '{size}'. Must be from 1 to 500.", "invalid")
    following = str(start + size) if start + size < len(items) else None
    return items[start : start + size], following
