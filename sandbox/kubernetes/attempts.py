"""What of a request to the API server is tried again, and how often.

Owns the official plugin's rules: only a creation waits for what it needs, and only for a kind or a namespace that is not
there yet (`await.go`: five retries after 1, 2, 4, 8 and 16 s); nothing waits for a webhook. A program whose `depends_on`
is incomplete must fail here as it fails on GKE. Kinder is what is this machine's alone: an API server or etcd that
is short of breath, and a webhook whose authority is written a moment after its Deployment is ready.
Source: pulumi/pulumi-kubernetes, provider/pkg/await/await.go and provider/pkg/retry/retry.go, read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from sandbox.kube.errors import ApiError, NoMatchError, UnreachableError

from .awaiting import Patience
from .objects import PATCH_FORCE

_T = TypeVar("_T")

_MISSING_SECONDS: Final = 31.0
"""How long a creation waits for a kind or a namespace; the machine's own seconds, as it works no faster than it can."""
_UNREACHABLE_SECONDS: Final = 30.0
"""How long a connection that fails is tried again: an API server that restarts is back by then."""
_OVERLOADED_SECONDS: Final = 30.0
"""How long an answer of an overloaded server is tried again; client-go does it ten times."""
_WEBHOOK_SECONDS: Final = 2.0

_WEBHOOK_NOT_THERE: Final = re.compile(
    r"failed calling webhook|conversion webhook for .* failed|no endpoints available for service|"
    r"error trying to reach service",
)
_NAMESPACE_NOT_THERE: Final = re.compile(r'namespaces "[^"]+" not found')

_LIMITS: Final = {
    "missing": _MISSING_SECONDS,
    "unreachable": _UNREACHABLE_SECONDS,
    "overloaded": _OVERLOADED_SECONDS,
    "webhook": _WEBHOOK_SECONDS,
}
"""Seconds for which each sort of failure is tried again."""


class RefusedError(Exception):
    """The API server does not accept the object; the message is for people."""


class UnavailableError(RefusedError):
    """The API server does not answer."""


def attempt(action: Callable[[], _T], what: str, done: str, patience: Patience) -> _T:
    """The result of `action`, repeated while what it needs may still come; `done` is created, updated or deleted.

    Raises:
        RefusedError: it was refused, for good or for too long.
        NoMatchError: the API server has no such kind; not where something is created.
    """
    delay, waited = 0.2, dict.fromkeys(_LIMITS, 0.0)
    while True:
        try:
            return action()
        except NoMatchError as error:
            if done != "created":
                raise
            sort, reason, cause = "missing", str(error), error
        except UnreachableError as error:
            sort, reason, cause = "unreachable", error.message, error
        except ApiError as error:
            found = _sort(error, done)
            if found is None:
                raise RefusedError(refusal(error, what, done)) from error
            sort, reason, cause = found, error.message, error
        if waited[sort] >= _LIMITS[sort] or patience.left <= 0:
            error_type = UnavailableError if sort == "unreachable" else RefusedError
            ended = patience.ended_by if patience.left <= 0 else f"not within {_LIMITS[sort]:.0f} s"
            raise error_type(f"resource {what} was not {done}, {ended}: {reason}{_hint(sort)}") from cause
        patience.say(f"Trying again: {reason}")
        patience.pause(delay)
        waited[sort] += delay
        delay = min(delay * 1.5, 2.0)


def _sort(error: ApiError, done: str) -> str | None:
    """Which sort of failure this is, of those that may pass; None where it is for good."""
    if error.status == 404 and done == "created":
        absent = _NAMESPACE_NOT_THERE.search(error.message) or not error.body.get("details")
        return "missing" if absent else None
    if error.status == 500 and _WEBHOOK_NOT_THERE.search(error.message):
        return "webhook"
    overloaded = error.status in {429, 503, 504} or (error.status == 500 and "etcdserver" in error.message)
    changed_meanwhile = error.status == 409 and "the object has been modified" in error.message
    return "overloaded" if overloaded or changed_meanwhile else None


def _hint(sort: str) -> str:
    if sort not in {"missing", "webhook"}:
        return ""
    return ". Where the program makes it itself, this resource has to depend on it (depends_on)"


def refusal(error: ApiError, what: str, done: str) -> str:
    """The API server's refusal for people, with what to do about a conflict."""
    text = f"resource {what} was not successfully {done} by the Kubernetes API server: {error.message}"
    if error.status == 409 and error.reason == "Conflict":
        text += (
            f"\nAnother manager owns these fields. Take them out of the program, or take them over with the annotation "
            f'{PATCH_FORCE}: "true"'
        )
    return text
