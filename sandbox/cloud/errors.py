"""Errors as Google's APIs shape them, and the texts they carry.

Owns the wording people search for when something fails ("Already exists: projects/…", "is not enabled"). Does not decide
when an error is due: the kinds do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self


class CloudError(Exception):
    """What an API answers instead of a resource: HTTP status, text, and the machine-readable reason."""

    def __init__(self, code: int, message: str, reason: str, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        """A word for programs; empty for APIs that give none, such as Secret Manager's."""
        self.metadata = metadata or {}
        """What Google's APIs add for programs, such as the service that is meant."""

    def __str__(self) -> str:
        return f"googleapi: Error {self.code}: {self.message}" + (f", {self.reason}" if self.reason else "")

    def as_json(self) -> dict[str, Any]:
        """The error as the body of an HTTP answer."""
        return {"code": self.code, "message": self.message, "reason": self.reason}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """The error an HTTP answer carried."""
        return cls(int(body["code"]), str(body["message"]), str(body["reason"]))


def bad_request(message: str, reason: str = "badRequest") -> CloudError:
    """HTTP 400."""
    return CloudError(400, message, reason)


def invalid_field(field: str, value: object, why: str) -> CloudError:
    """HTTP 400 in Compute Engine's form."""
    return CloudError(400, f"Invalid value for field '{field}': '{value}'. {why}", "invalid")


def not_found(resource: str) -> CloudError:
    """HTTP 404 in Compute Engine's form."""
    return CloudError(404, f"The resource '{resource}' was not found", "notFound")


def in_use(resource: str, user: str) -> CloudError:
    """HTTP 400: a resource that another one still needs cannot be deleted."""
    return CloudError(
        400,
        f"The {_noun(resource)} resource '{resource}' is already being used by '{user}'",
        "resourceInUseByAnotherResource",
    )


def _noun(resource: str) -> str:
    collection = resource.split("/")[-2] if "/" in resource else "resources"
    return {"addresses": "address"}.get(collection, collection.removesuffix("s"))


_API_TITLES = {
    "compute.googleapis.com": "Compute Engine API",
    "container.googleapis.com": "Kubernetes Engine API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
}


def api_disabled(api: str, project: str, number: int) -> CloudError:
    """HTTP 403: the project has not enabled the API the call belongs to."""
    title = _API_TITLES.get(api, api)
    return CloudError(
        403,
        f"{title} has not been used in project {number} before or it is disabled. Enable it by visiting "
        f"https://console.developers.google.com/apis/api/{api}/overview?project={project} then retry. If you enabled this API "
        "recently, wait a few minutes for the action to propagate to our systems and retry.",
        "accessNotConfigured",
        {"service": api, "consumer": f"projects/{number}"},
    )


def described(error: Exception) -> str:
    """An error as people read it: the sandbox's own are written for them, of others the type is worth knowing."""
    ours = type(error).__module__.startswith("sandbox.")
    return str(error) if ours else f"{type(error).__name__}: {error}"
