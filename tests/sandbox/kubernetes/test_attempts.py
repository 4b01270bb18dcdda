"""What of a request to the API server is tried again, and for how long: no more than the official plugin does."""

from __future__ import annotations

import pytest

from sandbox.kube.errors import ApiError, NoMatchError, UnreachableError
from sandbox.kubernetes.attempts import RefusedError, UnavailableError, attempt
from sandbox.kubernetes.awaiting import Patience

NO_MATCH = NoMatchError("example.com/v1", "Thing")
NAMESPACE = ApiError(404, "NotFound", 'namespaces "n" not found', {"details": {"kind": "namespaces"}})
NOT_SERVED = ApiError(404, "NotFound", "404 page not found")
OBJECT = ApiError(404, "NotFound", 'things "x" not found', {"details": {"kind": "things"}})
WEBHOOK = ApiError(500, "InternalError", 'failed calling webhook "w": no endpoints available for service "s"')
CONVERSION = ApiError(500, "InternalError", "conversion webhook for example.com/v1 failed: Post")
TERMINATING = ApiError(403, "Forbidden", "unable to create in namespace n because it is being terminated")
CONFLICT = ApiError(409, "AlreadyExists", "object is being deleted: things already exists")
OVERLOADED = ApiError(429, "TooManyRequests", "too many requests")
ETCD = ApiError(500, "InternalError", "etcdserver: leader changed")
UNREACHABLE = UnreachableError("https://127.0.0.1:1", "connection refused")


class Clock(Patience):
    """Patience whose pauses take no time, and are added up."""

    paused = 0.0

    def pause(self, seconds: float) -> None:
        """Time passes."""
        self.paused += seconds


def tried(error: Exception, done: str, *, times: int | None = None) -> float:
    """For how long a request that is always, or so many times, answered by `error` is tried again."""
    patience = Clock(seconds=600.0, report=lambda _: None)
    answers = 0

    def action() -> str:
        nonlocal answers
        answers += 1
        if times is not None and answers > times:
            return "made"
        raise error

    if times is None:
        with pytest.raises((RefusedError, NoMatchError)):
            attempt(action, "x", done, patience)
    else:
        assert attempt(action, "x", done, patience) == "made"
    return patience.paused


@pytest.mark.parametrize("error", [NO_MATCH, NAMESPACE, NOT_SERVED])
def test_a_creation_waits_for_kind_and_namespace(error: Exception) -> None:
    """Half a minute, as the official plugin does; a chart that takes longer has to be depended on."""
    assert tried(error, "created", times=3) > 0
    assert 31 <= tried(error, "created") < 34
    assert tried(error, "updated") == 0
    assert tried(error, "deleted") == 0


@pytest.mark.parametrize("error", [WEBHOOK, CONVERSION])
@pytest.mark.parametrize("done", ["created", "updated", "deleted"])
def test_webhooks_get_a_moment(error: Exception, done: str) -> None:
    """Enough for an authority that is written late, too little for a controller that starts."""
    assert 2 <= tried(error, done) < 4


@pytest.mark.parametrize("error", [OBJECT, TERMINATING, CONFLICT])
@pytest.mark.parametrize("done", ["created", "updated", "deleted"])
def test_what_the_program_has_to_order_is_not_waited_for(error: Exception, done: str) -> None:
    """Namespaces that go, objects that go: on GKE the update fails."""
    assert tried(error, done) == 0


@pytest.mark.parametrize("error", [OVERLOADED, ETCD, UNREACHABLE])
@pytest.mark.parametrize("done", ["created", "updated", "deleted"])
def test_a_server_out_of_breath_is_given_time(error: Exception, done: str) -> None:
    """That is this machine's affair."""
    assert tried(error, done, times=5) > 0
    assert 30 <= tried(error, done) < 33


def test_the_reason_and_the_remedy_are_said() -> None:
    """For how long, why, and what to change."""
    patience = Clock(seconds=600.0, report=lambda _: None)

    def missing() -> None:
        raise NO_MATCH

    def unreachable() -> None:
        raise UNREACHABLE

    with pytest.raises(RefusedError, match=r"x was not created, not within 31 s: no matches for kind .*depends_on"):
        attempt(missing, "x", "created", patience)
    with pytest.raises(UnavailableError, match=r"x was not deleted, not within 30 s: .*connection refused$"):
        attempt(unreachable, "x", "deleted", patience)


def test_a_server_that_is_gone_is_told_from_one_that_refuses() -> None:
    """Also where the very first attempt uses up the time: what follows differs (`deleteUnreachable`)."""

    def unreachable() -> None:
        raise UNREACHABLE

    with pytest.raises(UnavailableError, match="not within 0 s"):
        attempt(unreachable, "x", "deleted", Clock(seconds=0.0, report=lambda _: None))
