"""Joins over a stack: fast, and the same as comparing each with each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.policies import measure
from bench.stack import stack
from policies.pack import POLICIES
from policies.reading import Field, Unknown
from policies.resources import Index, Name, Resource, same_key

names: st.SearchStrategy[Name] = st.sampled_from(["a", "b", Unknown()])
keys = st.tuples(names, names)


def made(key: tuple[Name, Name], number: int) -> Resource:
    """A resource of that namespace and name."""
    return Resource(f"urn:{number}", "kubernetes:v1:Pod", "Pod", "", key[0], key[1], Field("", {}))


@given(st.lists(keys, max_size=8), keys)
def test_an_index_finds_what_a_search_finds(there: list[tuple[Name, Name]], wanted: tuple[Name, Name]) -> None:
    """Certain and possible ones, in the order of the stack."""
    resources = [made(key, number) for number, key in enumerate(there)]
    certain, possible = Index(resources).find(wanted)
    assert certain == [r for r in resources if same_key(wanted, r.key) is True]
    assert possible == [r for r in resources if same_key(wanted, r.key) is None]


def test_the_bench_measures_a_stack_of_the_asked_size() -> None:
    """Every kind of the stack is there, and rates are counted over all policies."""
    assert len(stack(40)) == len({name for _, name, _ in stack(40)} | {"x"}) - 1 == 40
    measured = measure(40, 1)
    assert measured.evaluations == 40 * len(POLICIES)
    assert 0 < measured.applicable < measured.evaluations
    assert measured.seconds > 0
