"""What Cloud Monitoring numbers, on the real engine: whatever is lost on the way, the next update leaves one of each."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.sandbox.stack.harness import Stack
from tests.sandbox.stack.test_interrupted import converges

POLICIES = "monitoring.alertPolicies"
CHANNELS = "monitoring.notificationChannels"
DASHBOARDS = "monitoring.dashboards"
KINDS = (POLICIES, CHANNELS, DASHBOARDS)
ALERTS = 7
"""Alert policies of the program."""


def numbered(stack: Stack) -> dict[str, int]:
    """How many of each kind the cloud has."""
    found = Counter(resource["type"] for resource in stack.resources())
    return {kind: found[kind] for kind in KINDS}


def test_an_answer_that_was_lost(watched: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    """The provider sends the request again, which makes a second one of each kind; the next update deletes what the stack
    was not told of.
    """
    watched.fault(effect="responseLost", match={"type": "monitoring.*", "operation": "create"})
    first = watched.run("up", "--skip-preview")
    assert first.code == 0, first.output
    assert numbered(watched) == {POLICIES: 2 * ALERTS, CHANNELS: 2, DASHBOARDS: 2}
    watched.forget_faults()
    converges(watched)
    assert numbered(watched) == {POLICIES: ALERTS, CHANNELS: 1, DASHBOARDS: 1}
    said = capfd.readouterr().err
    assert said.count("is there twice, as an answer was lost and the request sent again") == ALERTS + 2


def test_a_lost_answer_before_a_destroy(watched: Stack) -> None:
    """What a destroy leaves nobody would ever find."""
    watched.fault(effect="responseLost", match={"type": DASHBOARDS, "operation": "create"})
    assert watched.run("up", "--skip-preview").code == 0
    assert numbered(watched)[DASHBOARDS] == 2
    watched.forget_faults()
    assert watched.run("destroy", "--skip-preview").code == 0
    assert watched.resources() == []


def pending(stack: Stack) -> int:
    """How many operations the engine has begun and not ended, by its state; none while there is no such state."""
    try:
        return len(stack.state().get("pending_operations") or [])
    except (OSError, ValueError, AttributeError):
        return 0


@pytest.mark.parametrize("killed", ["engine", "provider"])
@pytest.mark.parametrize(
    ("kinds", "creations"), [({POLICIES}, ALERTS), ({CHANNELS, DASHBOARDS}, 2)], ids=["policies", "others"]
)
def test_creations_that_were_cut_off(watched: Stack, kinds: set[str], creations: int, killed: str) -> None:
    """The numbers are drawn and nobody was told: the labels say whose they are, and what exists is taken in, not made again."""
    watched.fault(effect="neverEnding", match={"type": "monitoring.[!a]*" if len(kinds) > 1 else POLICIES})
    running = watched.begin("up", "--skip-preview")
    running.until(
        lambda: sum(len(watched.operations(kind)) for kind in kinds) == creations == pending(watched),
        f"{kinds} are being created and nothing else",
    )
    before = {resource["id"] for resource in watched.resources() if resource["type"] in kinds}
    if killed == "engine":
        running.kill()
    else:
        running.part("sandbox.gcp").kill()
        assert running.end().code != 0
    watched.forget_faults()
    converges(watched)
    assert numbered(watched) == {POLICIES: ALERTS, CHANNELS: 1, DASHBOARDS: 1}
    assert before <= {resource["id"] for resource in watched.resources() if resource["type"] in kinds}
