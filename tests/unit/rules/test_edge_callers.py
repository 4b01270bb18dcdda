"""Who passes a Cloud Armor policy, and what vLLM's key guards."""

from __future__ import annotations

import pytest

from rules.callers import ArmorRule, admits_everybody, is_everybody, key_guards


def rule(priority: int | None, everybody: bool | None, admits: bool | None) -> ArmorRule:
    """A rule as far as it is known."""
    return ArmorRule(priority=priority, everybody=everybody, admits=admits)


@pytest.mark.parametrize(
    ("rules", "verdict"),
    [
        ([], (True, None)),
        ([rule(1, False, True)], (True, None)),
        ([rule(9, True, False), rule(1, False, True)], (False, 0)),
        ([rule(9, True, True), rule(1, True, False)], (False, 1)),
        ([rule(9, True, False), rule(1, None, True)], (None, 0)),
        ([rule(9, True, False), rule(1, None, False)], (False, 0)),
        ([rule(9, True, True), rule(1, None, True)], (True, 0)),
        ([rule(9, True, None)], (None, 0)),
        ([rule(None, False, False), rule(9, True, True)], (None, None)),
        ([rule(9, True, True), rule(1, False, None)], (True, 0)),
    ],
)
def test_the_first_rule_for_everybody_decides(rules: list[ArmorRule], verdict: tuple[bool | None, int | None]) -> None:
    """By priority, not by place; a rule that may be for everybody leaves it open unless the later one agrees."""
    assert admits_everybody(rules) == verdict


@pytest.mark.parametrize(
    "ranges", [["*"], ["10.0.0.0/8", "0.0.0.0/0"], ["::/0"], ["0.0.0.0/1", "128.0.0.0/1"], ["::/1", "8000::/1"]]
)
def test_the_whole_internet_is_everybody(ranges: list[str]) -> None:
    """Whichever way it is written, by halves included."""
    assert is_everybody(ranges)


@pytest.mark.parametrize("ranges", [[], ["203.0.113.0/24"], ["0.0.0.0/1"], ["office"], ["0.0.0.0/1", "8000::/1"]])
def test_some_ranges_are_not_everybody(ranges: list[str]) -> None:
    """An allow list may be wide."""
    assert not is_everybody(ranges)


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/completions", "/health"])
def test_the_key_guards_the_api(path: str) -> None:
    """And the health check says nothing that anybody should not know."""
    assert key_guards(path)


@pytest.mark.parametrize("path", ["/", "", "/v10", "/v1x/y", "/invocations", "/tokenize", "/healthy"])
def test_the_key_guards_nothing_else(path: str) -> None:
    """Fact: vLLM's /invocations runs the same inference without a key."""
    assert not key_guards(path)
