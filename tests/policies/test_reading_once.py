"""Each resource is read once for all policies, and again as soon as anything about it is another."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import Any

import pytest
from pulumi_policy import PolicyProviderResource, PolicyResource
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.check.evaluate import resource
from policies.inputs import INPUTS
from policies.reading import Field, Plain, Unknown, plain_once
from policies.resources import Resource, read_stack
from sandbox.home import CHECKOUT

TOKEN = "kubernetes:apps/v1:Deployment"
URN = "urn:pulumi:dev::once::kubernetes:apps/v1:Deployment::api"
KINDS = frozenset({"Deployment"})
_PROGRAM = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 10000, len(gc.get_objects()) < 1000))
import policies.pack
from policies import pace
pace.set_pace()
kept = [[number] for number in range(45000)]
before = gc.get_stats()[2]["collections"]
more = [[[number]] for number in range(200000)]
print(gc.isenabled(), gc.get_stats()[2]["collections"] - before)
"""


def made(**metadata: Any) -> PolicyResource:
    """A Deployment as the engine shows it."""
    return resource(TOKEN, "api", URN, unknown_checking_proxy({"metadata": {"name": "api", **metadata}}))


def read(one: PolicyResource, kinds: frozenset[str] = KINDS) -> Resource:
    """The one resource of a stack."""
    (found,) = read_stack([one], kinds)
    return found


def test_every_policy_gets_the_same_reading() -> None:
    """Fifty policies over two thousand resources would otherwise read each of them fifty times."""
    one = made()
    assert read(one) is read(one)
    assert read(one) is read(one, KINDS | {"Service"})
    assert not read_stack([one], frozenset({"Service"}))


def test_other_outputs_inputs_or_providers_are_read_anew() -> None:
    """Incident to prevent: a preview and the update after it are one process, and values become known in between."""
    first = made(labels={"a": "b"})
    assert read(first).at("metadata", "labels", "a").value == "b"
    assert read(made(labels={"a": "c"})).at("metadata", "labels", "a").value == "c"
    declared = unknown_checking_proxy({"metadata": {"name": "api", "labels": {"a": UNKNOWN_STRING_VALUE}}})
    INPUTS.saw(URN, declared)
    assert read(first).at("metadata", "labels", "a").value == "b"
    assert read(first).at("metadata", "labels").missing is False
    INPUTS.saw(URN, unknown_checking_proxy({"metadata": {"name": "api"}}))
    assert read(first).at("metadata", "labels").missing
    for namespace in ("one", "two", "two"):
        provider = PolicyProviderResource("pulumi:providers:kubernetes", {"namespace": namespace}, "p", "p")
        assert (
            read(PolicyResource(TOKEN, first.props, URN, "api", first.opts, provider, None, [], {})).namespace
            == namespace
        )


def test_the_engines_new_objects_of_the_same_content_are_not_read_again() -> None:
    """For each policy the SDK makes the resources anew, around the same properties; two that are alike stay two."""
    first = made()
    again = PolicyResource(TOKEN, first.props, URN, "api", first.opts, None, None, [], {})
    assert read(first) is read(again)
    second = PolicyResource(TOKEN, first.props, f"{URN}-2", "api-2", first.opts, None, None, [], {})
    assert read(second).urn == second.urn
    assert [found.urn for found in read_stack([second, first], KINDS)] == [second.urn, first.urn]
    assert [found.urn for found in read_stack([first, second], KINDS)] == [first.urn, second.urn]


def test_what_is_plain_already_is_not_copied() -> None:
    """Near-miss: a dictionary of somebody's own may change, and is."""
    ready = Plain({"a": {"b": Unknown()}})
    assert plain_once(ready) is ready
    own = {"a": 1}
    assert plain_once(own) is not own


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({}, []),
        ({"a": [{"b": 1}, None, "x"]}, []),
        ({"a": [{"b": Unknown()}, 1], "c": Unknown()}, ["spec.a[0].b", "spec.c"]),
        ([[Unknown()]], ["spec[0][0]"]),
        (Unknown(), ["spec"]),
    ],
)
def test_every_unknown_is_named(value: Any, paths: list[str]) -> None:
    """Invariant: the quick look that there is none leaves none out."""
    assert [field.path for field in Field("spec", value).unknowns()] == paths


def test_the_collector_leaves_alone_what_stays() -> None:
    """Invariant: a process of the pack does not look through a large stack over and over, nor at its end; it still collects."""
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert ran.stdout == "True 0\nTrue True\n"


def test_importing_the_pack_changes_nothing_in_the_process() -> None:
    """Near-miss: settings, tests and the bench import policies, and their processes are theirs."""
    assert gc.get_threshold()[0] < 10_000
    assert gc.get_freeze_count() == 0
