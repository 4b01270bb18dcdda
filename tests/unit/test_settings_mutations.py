"""No settings, however wrong, end in anything but a graph or a message about a setting."""

from __future__ import annotations

import copy
import string
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.loading import SettingsError, parse
from components.settings import Settings
from rules import tpu
from tests.committed import committed
from tests.unit.changing import ANY_MODEL, ANY_POOL

DEV = committed("dev")
Path = tuple[str | int, ...]


def paths(value: Any, above: Path = ()) -> Iterator[Path]:
    """Where something stands in the settings: every section, list, entry and leaf."""
    yield above
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*above, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*above, index))


def leaves(value: Any) -> Iterator[Any]:
    """Every value that stands somewhere in the settings."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


FAMILIAR: list[Any] = [
    *leaves(DEV),
    ANY_MODEL,
    ANY_POOL,
    *tpu.MACHINE_TYPES,
    *(topology for machine in tpu.MACHINE_TYPES.values() for topology in machine.topologies),
    *("ct9x-hightpu-4t", "ct5p-hightpu-8t", "0x0", "2x2x", "10.0.0.0/8", "0.0.0.0/0", "::/0", "1.34", "1.34.0-gke.0"),
    *("gke-l7-rilb", "us-central2-b", "--port", "-tp=8", "", " ", "\n", "system", "kserve", 0, -1, 2**70, 1e400, 0.5),
]
"""Values that are right somewhere else, or nearly right: they get past more checks than noise does."""

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(FAMILIAR)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(string.printable, max_size=12), inner, max_size=3)
    ),
    max_leaves=5,
)
OPTIONAL: list[tuple[Path, str]] = [
    *(((), name) for name in ("network", "charts", "edge", "images", "kserve", "extraTpuZones", "namespace")),
    *((("cluster",), name) for name in ("minimumVersion", "releaseChannel", "controlPlaneCidr")),
    *((("models", 0), name) for name in ("image", "extraArgs", "startupMinutes", "allowRoot")),
    *((("gateway",), name) for name in ("hostnames", "name")),
    *((("tpuPools", 0), name) for name in ("spot", "capacity", "maxSlices", "minSlices", "bootDiskType", "labels")),
    ((), "computeClasses"),
]
"""Settings that dev leaves at their default."""


@st.composite
def mutations(draw: st.DrawFn) -> Any:
    """The settings of dev after one to three changes: something dropped, replaced, added or repeated."""
    mutated: Any = copy.deepcopy(DEV)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([*paths(mutated)][1:] or [("project",)]))
        section = mutated
        for part in above:
            section = section[part]
        change = draw(st.sampled_from(["drop", "replace", "replace", "add", "repeat", "set"]))
        if change == "drop" and last in section:
            del section[last]
        elif change == "add" and isinstance(section, dict):
            section[draw(st.text(string.printable, max_size=12))] = copy.deepcopy(draw(VALUES))
        elif change == "repeat" and isinstance(section, list):
            section.append(copy.deepcopy(section[0]))
        elif change == "set" and not above:
            where, name = draw(st.sampled_from(OPTIONAL))
            target = _at(mutated, where)
            if isinstance(target, dict):
                target[name] = copy.deepcopy(draw(VALUES))
        else:
            section[last] = copy.deepcopy(draw(VALUES))
    return mutated


def _at(value: Any, where: Path) -> Any:
    """What stands there; None where nothing does any more."""
    for part in where:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


@given(mutated=mutations())
@example(mutated={**DEV, "line\nbreak": 1})
@example(mutated={**DEV, "models": [{**ANY_MODEL, "extraArgs": [""]}]})
@example(mutated={**DEV, "tpuPools": [{**ANY_POOL, "machineType": "ct9x-hightpu-4t"}]})
@example(mutated={**DEV, "tpuPools": [{**ANY_POOL, "topology": "999999999999999999x9"}]})
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_settings_load_or_are_refused_in_words(mutated: Any) -> None:
    """A mistyped value must never end in a traceback: it loads, or each line of the message names a setting."""
    try:
        assert isinstance(parse(mutated, stack="dev", project="gke-tpu-inference"), Settings)
    except SettingsError as error:
        head, *problems = str(error).split("\n")
        if not isinstance(mutated, dict):
            assert head.startswith("gke-tpu-inference:platform in Pulumi.dev.yaml is ")
            return
        assert head.endswith("in Pulumi.dev.yaml cannot be used; nothing was created.")
        assert len(problems) == int(head.split(" ", 1)[0])
        for problem in problems:
            assert problem.startswith(("  platform.", "  platform[", "  platform: ")), problem
            assert not problem.rstrip().endswith(":"), problem
            assert "assertion" not in problem.lower().split("'")[0], problem
            assert "pydantic" not in problem, problem
            assert len(problem) < 1200, problem
