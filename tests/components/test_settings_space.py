"""Settings nobody thought of: whatever a file says, it is refused in words or builds a stack that the policy pack accepts."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pulumi
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pulumi_policy import EnforcementLevel

from components.loading import SettingsError
from policies import exemptions
from policies.check.settings import load
from policies.pack import POLICIES
from sandbox.home import CHECKOUT
from sandbox.workspace import committed
from tests.components.recording import KEY, build
from tests.policies.harness import Made, run

SCHEMA: Final = json.loads((CHECKOUT / "settings.schema.json").read_text())
PLATFORM: Final = SCHEMA["properties"]["config"]["properties"]["gke-tpu-inference:platform"]
CONFIG: Final = CHECKOUT / "policies" / "config"
STACKS: Final = ("dev", "prod", "http-services")
Path_ = tuple[str | int, ...]

BLOCKED_CHOICES: Final = frozenset({"anonymous", "everybody", "fail-open", "plain-http", "registry"})
"""Rules against choices that settings name as the weaker ones: an environment that makes one asks for an exemption too."""
_NAMES: Final = ("a", "qwen", "v6e-2x2", "projects/p/locations/l/keyRings/r/cryptoKeys/k", "10.200.0.0/20", "2Gi", "")
"""Words that mean something somewhere, beside what the patterns allow."""


def values(schema: Mapping[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one for each shape
    """Values of the right shape for a setting; whether they make sense is for the settings to say."""
    if "$ref" in schema:
        return values(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[-1]], depth)
    if "anyOf" in schema:
        return st.one_of([values(each, depth) for each in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema["enum"] if "enum" in schema else [schema["const"]])
    kind = schema.get("type")
    if kind == "object":
        return objects(schema, depth)
    if kind == "array":
        return st.lists(values(schema.get("items", {"type": "string"}), depth + 1), max_size=2)
    if kind == "integer":
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        return st.integers(low, min(schema.get("maximum", low + 100_000), low + 100_000))
    if kind == "number":
        return st.floats(schema.get("exclusiveMinimum", 0) + 0.01, schema.get("exclusiveMaximum", 1000) - 0.01)
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    words = st.sampled_from(_NAMES)
    return st.one_of(words, st.from_regex(schema["pattern"], fullmatch=True)) if "pattern" in schema else words


def objects(schema: Mapping[str, Any], depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """A block with all that it must have and some of what it may have."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    if not properties:
        return st.just({})
    required = {name: values(properties[name], depth + 1) for name in schema.get("required", ())}
    optional = {name: values(each, depth + 1) for name, each in properties.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional if depth < 2 else {})


def places(schema: Mapping[str, Any], given_: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Mapping[str, Any]]]:
    """Every setting that can be written into these settings, with its schema."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    for choice in schema.get("anyOf", ()):
        yield from places(choice, given_, path)
    for name, each in schema.get("properties", {}).items():
        here = (*path, name)
        yield here, each
        below = given_.get(name) if isinstance(given_, dict) else None
        if each.get("type") == "array" and below:
            yield from places(each["items"], below[0], (*here, 0))
        else:
            yield from places(each, below, here)


def put(target: dict[str, Any], path: Path_, value: Any) -> None:
    """Writes the value, making blocks on the way."""
    *above, last = path
    place: Any = target
    for step in above:
        if isinstance(step, str) and not isinstance(place.get(step), dict | list):
            place[step] = {}
        place = place[step]
        if place == []:
            return
    if isinstance(place, dict):
        place[last] = value


@st.composite
def files(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A committed stack with a few settings changed."""
    stack = draw(st.sampled_from(STACKS))
    chosen = copy.deepcopy(committed(stack)["config"][KEY])
    everything = [place for place in places(PLATFORM, chosen) if place[0] != ("project",)]
    for path, schema in draw(st.lists(st.sampled_from(everything), min_size=1, max_size=3, unique_by=lambda p: p[0])):
        put(chosen, path, draw(values(schema)))
    return stack, chosen


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - pytest uses it
    monkeypatch.setattr(exemptions, "today", lambda: dt.date(2026, 11, 21))
    monkeypatch.setattr(pulumi.log, "warn", str)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.large_base_example],
)
@given(files())
def test_settings_are_refused_in_words_or_accepted_by_the_pack(file: tuple[str, dict[str, Any]]) -> None:
    """Never a traceback, and never a stack that the program's own policies block."""
    stack, chosen = file
    try:
        graph = build(chosen, stack=stack, preview=True)
    except SettingsError as error:
        head, *problems = str(error).splitlines()
        assert "cannot be used; nothing was created" in head
        assert problems
        strange = [problem for problem in problems if not problem.startswith("  platform")]
        assert strange == []
        return
    config = load(CONFIG / f"{stack}.json", POLICIES)
    made = [Made(r.type, r.name, dict(r.inputs)) for r in graph.resources]
    for policy in POLICIES:
        if policy.name != "exemptions-in-use" and config.level(policy) == EnforcementLevel.MANDATORY:
            found = run(policy, *made, config=config.of(policy))
            assert set(found.rules) <= BLOCKED_CHOICES, (found.messages, json.dumps(chosen))
