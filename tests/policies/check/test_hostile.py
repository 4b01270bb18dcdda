"""Whatever stands in a manifest: the check answers, the same each time, and never with a traceback."""

from __future__ import annotations

import copy
import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.check.evaluate import PolicyCrashError, evaluate, resource
from policies.check.examples import FOLDER
from policies.check.formats import FORMATS
from policies.check.located import documents
from policies.check.result import check
from policies.framework import LOOKS_AT
from policies.pack import POLICIES
from policies.routing import KINDS
from tests.policies.check.sarif import faults

SAMPLES: list[dict[str, Any]] = [
    document.value
    for path in sorted(FOLDER.glob("*/good.yaml"))
    for document in documents(path.read_text(encoding="utf-8"))
]
GCP: list[dict[str, Any]] = [
    entry for path in sorted(FOLDER.glob("*/good.json")) for entry in json.loads(path.read_text(encoding="utf-8"))
]
KINDS_OF_PACK = sorted({kind for kinds in LOOKS_AT.values() for kind in kinds} | set(KINDS))

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["gke-l7-rilb", "InferencePool", "2x2", "${a}", "{{x}}", "0", "-1", "a/b", "1.34.3-gke.1", "4x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a value."""
    found = [path] if path else []
    if isinstance(value, dict):
        found += [place for key, inner in value.items() for place in places(inner, (*path, key))]
    elif isinstance(value, list):
        found += [place for index, inner in enumerate(value) for place in places(inner, (*path, index))]
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with one place replaced."""
    result = copy.deepcopy(value)
    inner = result
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = new
    return result


@st.composite
def spoiled(draw: st.DrawFn, samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The samples with arbitrary JSON in one to three places."""
    chosen = draw(st.lists(st.sampled_from(samples), min_size=1, max_size=4))
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(chosen) - 1))
        path = draw(st.sampled_from(places(chosen[index]) or [("kind",)]))
        chosen[index] = replaced(chosen[index], path, draw(json_values))
    return chosen


quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answer(content: list[Any]) -> dict[str, str]:
    """Every report on these objects."""
    text = "\n---\n".join(json.dumps(item) for item in content)
    result = check(["-"], BytesIO(text.encode()), POLICIES, complete=True)
    assert not [problem for problem in result.problems if problem.file == "policies"], result.problems
    reports = {name: render(result) for name, render in FORMATS.items()}
    assert faults(json.loads(reports["sarif"])) == []
    return reports


@quick
@given(spoiled(SAMPLES))
def test_spoiled_objects_are_answered_the_same_each_time(content: list[dict[str, Any]]) -> None:
    """Arbitrary JSON in any field of objects that the policies read."""
    assert answer(content) == answer(content)


@quick
@given(st.sampled_from(KINDS_OF_PACK), st.sampled_from(["v1", "serving.kserve.io/v1alpha2", "x/y/z"]), json_values)
def test_objects_of_any_content_are_answered(kind: str, version: str, body: Any) -> None:
    """Nothing but a kind and a version is right about them."""
    answer([{"apiVersion": version, "kind": kind, "metadata": body, "spec": body, "rules": body}])


@quick
@given(spoiled(GCP))
def test_spoiled_resources_of_google_cloud_are_answered(content: list[dict[str, Any]]) -> None:
    """The same for what only a program declares."""
    resources = [
        resource(token, "x", f"urn:{index}", properties)
        for index, entry in enumerate(content)
        if isinstance(token := entry["type"], str) and isinstance(properties := entry["properties"], dict)
    ]
    list(evaluate(POLICIES, resources))


@quick
@given(spoiled(GCP), st.data())
def test_unknown_values_anywhere_in_resources_are_answered(content: list[dict[str, Any]], data: st.DataObject) -> None:
    """No policy touches an unknown value unprepared: the SDK would drop all that it had to say, and the preview were green."""
    made: list[PolicyResource] = []
    for index, entry in enumerate(content):
        token, properties = entry["type"], entry["properties"]
        if not isinstance(token, str) or not isinstance(properties, dict):
            continue
        found = places(properties)
        if found:
            properties = replaced(properties, data.draw(st.sampled_from(found)), UNKNOWN_STRING_VALUE)
        made.append(resource(token, "x", f"urn:{index}", unknown_checking_proxy(properties)))
    list(evaluate(POLICIES, made))


@quick
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_answered(content: str | bytes) -> None:
    """Not even YAML."""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    result = check(["-"], BytesIO(raw), POLICIES)
    assert result.exit_code in {0, 1, 2}
    assert result.objects or result.exit_code == 2
    for render in FORMATS.values():
        render(result)
    assert faults(json.loads(FORMATS["sarif"](result))) == []


def test_a_policy_that_breaks_down_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail closed: exit code 2, with the policy and the object named."""
    policy = next(p for p in POLICIES if p.name == "httproute-features")

    def broken(*_: Any) -> None:
        raise KeyError("gone")

    monkeypatch.setattr(policy, "validate", broken)
    content = b"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\n"
    result = check(["-"], BytesIO(content), POLICIES)
    assert result.exit_code == 2
    assert str(result.problems[0]).startswith(
        "policies: policy httproute-features broke down on stdin:1 r (KeyError: 'gone')"
    )
    with pytest.raises(PolicyCrashError):
        list(evaluate([policy], [resource("t", "n", "u", {})]))
