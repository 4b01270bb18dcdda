"""What is said of work that fails, and whether it is tried again soon; see also `tests/sandbox/gke/test_isolation.py`."""

from __future__ import annotations

import logging

import pytest

from sandbox.kube.client import ApiError
from sandbox.node.isolation import Isolation


def test_what_goes_wrong_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Rounds come every few seconds: the same failure is one line, another one or one after a success is a new line."""
    isolation, obj = Isolation("tests"), {"kind": "Gateway", "metadata": {"name": "odd", "namespace": "llm"}}

    def fails(text: str | None) -> None:
        with isolation.of(obj):
            if text is not None:
                raise KeyError(text)

    with caplog.at_level(logging.WARNING):
        for text in ("value", "value", "other", None, "other"):
            fails(text)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(": ")[2].partition(";")[0] for line in lines] == [
        "KeyError('value')",
        "KeyError('other')",
        "KeyError('other')",
    ]
    assert all("Gateway/llm/odd" in line for line in lines)


def test_whoever_reads_along_is_told_as_well() -> None:
    """What a controller that plays a pod's part complains of belongs into the pod's log, once as well."""
    said: list[str] = []
    isolation = Isolation("tests", said.append)
    for _ in range(2):
        with isolation.of({"kind": "Issuer", "metadata": {"name": "odd"}}):
            raise ApiError(422, "Invalid", "no")
    assert len(said) == 1
    assert said[0].startswith("Issuer/odd: ")


@pytest.mark.parametrize(("status", "again"), [(422, False), (403, False), (429, True), (500, True)])
def test_only_what_may_pass_by_itself_is_tried_again_soon(status: int, *, again: bool) -> None:
    """Asked once a round: the answer is for what failed since the last time."""
    isolation = Isolation("tests")
    with isolation.of({"kind": "Issuer", "metadata": {"name": "odd"}}):
        raise ApiError(status, "Refused", "no")
    assert isolation.asks_for_another_round() is again
    assert not isolation.asks_for_another_round()
