"""Property values between engine and providers: nothing is lost on the way, and differences are named where they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.plugin.values import UNKNOWN, changed_paths, from_struct, has_unknowns, is_unknown, to_struct

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
PROPERTIES = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)


@given(properties=PROPERTIES)
@settings(derandomize=True, database=None, deadline=None)
def test_round_trip(properties: dict[str, Any]) -> None:
    """What a provider stores is what the program sent."""
    assert from_struct(to_struct(properties)) == properties


def test_numbers() -> None:
    """The wire knows floating point alone; a Kubernetes API refuses `port: 8000.0`."""
    plain = from_struct(to_struct({"port": 8000, "ratio": 0.5, "on": True, "list": [1.0], "none": None}))
    assert plain == {"port": 8000, "ratio": 0.5, "on": True, "list": [1], "none": None}
    assert type(plain["port"]) is int
    assert type(plain["list"][0]) is int
    assert plain["on"] is True


def test_secrets_are_unwrapped() -> None:
    """A provider sees the value of a secret wherever it stands."""
    secret = {**SECRET, "value": {"inner": [{**SECRET, "value": 3}]}}
    assert from_struct(to_struct({"a": [secret]})) == {"a": [{"inner": [3]}]}


def test_other_signed_objects_are_kept() -> None:
    """Assets and resource references carry the same key with another signature."""
    asset = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "text": "x"}
    assert from_struct(to_struct({"a": asset})) == {"a": asset}


@pytest.mark.parametrize("value", [UNKNOWN, [UNKNOWN], {"a": {"b": [1, UNKNOWN]}}])
def test_unknowns_are_found(value: Any) -> None:
    """However deep it is, an unknown makes the whole value not yet known."""
    assert has_unknowns(value)
    assert has_unknowns(from_struct(to_struct({"a": value})))


@pytest.mark.parametrize("value", [None, "", 0, [], {}, {"a": ["x"]}, f"prefix-{UNKNOWN}", {UNKNOWN: 1}])
def test_what_is_known(value: Any) -> None:
    """Only the sentinel as a whole value stands for an unknown."""
    assert not has_unknowns(value)
    assert not is_unknown(value)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ({"a": 1}, {"a": 2}, {"a": "update"}),
        ({"a": 1}, {}, {"a": "delete"}),
        ({}, {"a": None}, {"a": "add"}),
        ({"a": True}, {"a": 1}, {"a": "update"}),
        ({"a": "1"}, {"a": 1}, {"a": "update"}),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, {"a.b.c": "update"}),
        ({"a": {"b": 1}}, {"a": [1]}, {"a": "update"}),
        ({"a": [1, 2]}, {"a": [1, 3]}, {"a[1]": "update"}),
        ({"a": [1]}, {"a": [1, 2]}, {"a[1]": "add"}),
        ({"a": [1, 2]}, {"a": [1]}, {"a[1]": "delete"}),
        ({"a": "x"}, {"a": UNKNOWN}, {"a": "update"}),
        ({"r": [{"t": 1}]}, {"r": [{}]}, {"r[0].t": "delete"}),
        ({"l": {"app.io/name": "a"}}, {"l": {"app.io/name": "b"}}, {'l["app.io/name"]': "update"}),
        ({"l": {"x-y_z": "a"}}, {"l": {"x-y_z": "b"}}, {"l.x-y_z": "update"}),
        ({'say "x"': 1}, {'say "x"': 2}, {'["say \\"x\\""]': "update"}),
        ({"": 1}, {"": 2}, {'[""]': "update"}),
    ],
)
def test_changed_paths(old: Any, new: Any, changes: dict[str, str]) -> None:
    """Each path is one the engine can parse, at the deepest place that differs."""
    assert changed_paths(old, new) == changes


def test_values_that_mean_the_same() -> None:
    """A provider says which spellings are equal; the comparison is asked at every level."""
    old = {"link": "https://x/projects/p/n", "list": [{"link": "https://x/projects/p/n"}]}
    new = {"link": "projects/p/n", "list": [{"link": "projects/p/n"}]}

    def same(first: Any, second: Any) -> bool:
        return isinstance(first, str) and isinstance(second, str) and first.endswith(second)

    assert changed_paths(old, new, same=same) == {}
    assert changed_paths(old, new) == {"link": "update", "list[0].link": "update"}


@given(old=PROPERTIES, new=PROPERTIES)
@settings(derandomize=True, database=None, deadline=None)
def test_differences_are_seen(old: dict[str, Any], new: dict[str, Any]) -> None:
    """No path differs from itself, and two values that differ have a path at which they do."""
    assert changed_paths(old, old) == {}
    if old != new:
        assert changed_paths(old, new)
