"""One request to the REST face, and the forms of Google's answers: lists with pages, errors in their envelope."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.errors import CloudError, bad_request
from sandbox.cloud.names import COMPUTE, number_of

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
_FILTER: Final = re.compile(r'^\(?\s*(?P<field>[\w.]+)\s*(?P<how>=|eq|:)\s*"?(?P<value>[^"\s()]+)"?\s*\)?$')
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
    """An error as Google's APIs answer it."""
    detail = {"message": error.message, "domain": "global", "reason": error.reason}
    status = _STATUS.get(error.code, "UNKNOWN")
    return {"error": {"code": error.code, "message": error.message, "status": status, "errors": [detail]}}


def compute_list(request: Request, kind: str, path: str, items: Sequence[Body]) -> Body:
    """A page of Compute Engine's resources; `kind` is that of one of them."""
    chosen, following = _page(request, _filtered(request, items), "maxResults")
    return {
        "kind": f"{kind}List",
        "id": path,
        "selfLink": f"{COMPUTE}{path}",
        **({"items": chosen} if chosen else {}),
        **({"nextPageToken": following} if following else {}),
    }


def page(request: Request, name: str, items: Sequence[Body]) -> Body:
    """A page of the newer APIs' resources, under the field `name`."""
    chosen, following = _page(request, _filtered(request, items), "pageSize")
    return {name: chosen, **({"nextPageToken": following} if following else {})}


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


def _filtered(request: Request, items: Sequence[Body]) -> list[Body]:
    text = request.query.get("filter", "")
    if not text:
        return list(items)
    match = _FILTER.match(text)
    if match is None:
        reason = "the sandbox knows filters of one comparison only, such as name=VALUE"
        raise bad_request(f"Invalid value for field 'filter': '{text}'. {reason}.", "invalid")
    field, how, value = match["field"], match["how"], match["value"]
    try:
        pattern = re.compile(value if how == "eq" else re.escape(value))
    except re.error as error:
        raise bad_request(
            f"Invalid value for field 'filter': '{text}'. No regular expression: {error}.", "invalid"
        ) from None
    test = pattern.search if how == ":" else pattern.fullmatch
    return [item for item in items if test(str(_field(item, field)))]


def _field(item: Any, path: str) -> Any:
    for part in path.split("."):
        item = item.get(part) if isinstance(item, dict) else None
    return item


def _page(request: Request, items: list[Body], parameter: str) -> tuple[list[Body], str | None]:
    try:
        size = int(request.query.get(parameter) or _LARGEST_PAGE)
        start = int(request.query.get("pageToken") or 0)
    except ValueError:
        raise bad_request(f"Invalid value for field '{parameter}' or 'pageToken': no number.", "invalid") from None
    if not 1 <= size <= _LARGEST_PAGE or start < 0:
        raise bad_request(f"Invalid value for field '{parameter}': '{size}'. Must be from 1 to 500.", "invalid")
    following = str(start + size) if start + size < len(items) else None
    return items[start : start + size], following
