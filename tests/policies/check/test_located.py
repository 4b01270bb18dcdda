"""Reading YAML as Kubernetes does, with lines, and refusing what would crash or mislead."""

from __future__ import annotations

from typing import Any

import pytest

from policies.check.located import Located, UnreadableError, documents


def values(text: str) -> list[Any]:
    """What stands in a text."""
    return [document.value for document in documents(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-01", "2026-01-01"),
        ("22:22", "22:22"),
        ("5Gi", "5Gi"),
        ("0777", 511),
        ("0o17", 15),
        ("0x1f", 31),
        ("-3", -3),
        ("1_000", 1000),
        ("2.5", 2.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        ("yes", True),
        ("off", False),
        ("~", None),
        ("", None),
        ("'yes'", "yes"),
        ("!!str 5", "5"),
        ("9" * 5000, "9" * 5000),
        ("{1: 2, true: 3}", {"1": 2, "true": 3}),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_scalars_are_what_kubernetes_sees(text: str, value: Any) -> None:
    """Dates and base-60 numbers are text; YAML 1.1's octal numbers and booleans are not."""
    assert values(f"a: {text}\n") == [{"a": value}]


def test_anchors_and_merge_keys_are_expanded() -> None:
    """What an object says itself wins over what it merges in."""
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: [*x, *x]\n"
    assert values(text) == [
        {"x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 3}, "z": [{"a": 1, "b": 2}, {"a": 1, "b": 2}]},
    ]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("kind", 2),
        ("spec.rules[0].timeouts", 6),
        ("spec.rules[0].timeouts.request", 7),
        ("spec.rules[1]", 8),
        ("spec.rules[1].backendRefs[3].name", 8),
        ("spec.rules[99999999999999999999]", 4),
        ("metadata.annotations['a.b/c']", 10),
        ("status.nothing", 2),
        ("", 2),
        ("..[[", 2),
    ],
)
def test_a_path_leads_to_its_line_or_to_that_of_the_innermost_part_there_is(path: str, line: int) -> None:
    """A missing field is reported where it would have to be written."""
    text = """---
kind: HTTPRoute
spec:
  rules:
    - backendRefs: []
      timeouts:
        request: 1s
    - name: second
metadata:
  annotations: {a.b/c: x}
"""
    document: Located = next(documents(text))
    expected = {"spec.rules[0].timeouts": 7, "spec.rules[99999999999999999999]": 5}.get(path, line)
    assert document.find(path) == expected


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: [1,\n", 3, "did not find expected node content"),
        ("a: b: c\n", 1, "mapping values are not allowed"),
        ("a: 1\nb: \x00\n", 2, "control characters are not allowed"),
        ("a: 1\na: 2\n", 2, "key 'a' is written twice"),
        ("a: 1\nb: {{ .Values.b }}\n", 2, "a key is no text"),
        ("a: !!python/object:os.system x\n", 1, "is not known to Kubernetes"),
        ("a: &a [*a]\n", 1, "stands for nothing, or contains itself"),
        ("a: {<<: 5}\n", 1, "'<<' merges objects only"),
        ("[" * 100_000, 1, "nested deeper than 128 levels"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    """A reader that guesses judges another object than the one that is deployed."""
    with pytest.raises(UnreadableError, match=message) as error:
        values(text)
    assert error.value.line == line


def test_aliases_cannot_blow_the_memory() -> None:
    """Ten levels of ten aliases each are 10^10 values from 500 bytes."""
    levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 11)]
    with pytest.raises(UnreadableError, match="more than 1000000 values in one document"):
        values("\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *levels]))
