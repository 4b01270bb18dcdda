"""What can go wrong between a client and an API server, by type: callers decide on retries."""

from __future__ import annotations

from typing import Any


class KubeconfigError(ValueError):
    """A kubeconfig that cannot be used: not YAML, no such context, an exec plugin that fails."""


class ApiError(Exception):
    """An answer of the API server that is not a success.

    `status` is the HTTP code (0 if there was no answer), `reason` the machine-readable word of the Status object
    ("AlreadyExists", "Conflict", "Invalid", …), `message` its text, `body` the whole Status object.
    """

    def __init__(self, status: int, reason: str, message: str, body: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.body: dict[str, Any] = body or {}


class UnreachableError(ApiError):
    """No answer at all: connection refused, TLS failure, time limit of the request. `status` is 0."""

    def __init__(self, server: str, cause: str) -> None:
        super().__init__(0, "Unreachable", f"cannot reach the API server {server}: {cause}")


class NoMatchError(Exception):
    """The server has no such kind (yet): its CRD is not installed or not established."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')
        self.api_version = api_version
        self.kind = kind
