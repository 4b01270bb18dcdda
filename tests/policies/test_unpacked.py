"""The memory of unpacked properties gives policies exactly what the SDK would, and nothing that belongs to another resource."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_policy import policy as sdk
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY, deserialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from policies.reading import Unknown, plain, plain_once
from policies.unpacked import Unpacked, install


def message(content: dict[str, Any]) -> struct_pb2.Struct:
    """The content as it comes over the wire."""
    made = struct_pb2.Struct()
    made.update(content)
    return struct_pb2.Struct.FromString(made.SerializeToString())


def memory(kept: int = 100) -> Unpacked:
    """A memory over the SDK's own functions."""
    return Unpacked(json_format, deserialize_properties, unknown_checking_proxy, kept)


def unpacked(by: Any, content: dict[str, Any]) -> Any:
    """The three steps, as the SDK takes them for every policy."""
    return by.unknown_checking_proxy(by.deserialize_properties(by.MessageToDict(message(content))))


THEIRS = SimpleNamespace(
    MessageToDict=json_format.MessageToDict,
    deserialize_properties=deserialize_properties,
    unknown_checking_proxy=unknown_checking_proxy,
)
values = st.recursive(
    st.none() | st.booleans() | st.floats(-1e6, 1e6) | st.text(max_size=8) | st.just(UNKNOWN_STRING_VALUE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
contents = st.dictionaries(st.text(min_size=1, max_size=6), values, max_size=4)


@settings(max_examples=80, deadline=None)
@given(st.lists(contents, min_size=1, max_size=6))
def test_what_is_remembered_is_what_the_sdk_makes(found: list[dict[str, Any]]) -> None:
    """Through a memory that is too small for them, twice each, in turns."""
    ours = memory(2)
    for _ in range(2):
        for content in found:
            assert str(plain(unpacked(ours, content))) == str(plain(unpacked(THEIRS, content)))


def test_the_same_content_is_unpacked_once() -> None:
    """Forty policies look at each resource."""
    ours = memory()
    assert unpacked(ours, {"a": [1]}) is unpacked(ours, {"a": [1]})
    assert unpacked(ours, {"a": [2]}) is not unpacked(ours, {"a": [1]})


def test_an_unknown_value_is_still_unknown() -> None:
    """The reason for the SDK's views is kept: touching one raises."""
    view = unpacked(memory(), {"a": UNKNOWN_STRING_VALUE})
    with pytest.raises(UnknownValueError):
        view["a"]
    assert isinstance(plain_once(view)["a"], Unknown)


def test_secrets_of_a_remedy_are_not_remembered() -> None:
    """What may be written to is made anew, with its secrets closed."""
    ours = memory()
    sent = ours.MessageToDict(message({"a": {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": "x"}}))
    assert ours.deserialize_properties(sent, True) is not ours.deserialize_properties(sent, True)
    assert ours.deserialize_properties(sent) == {"a": "x"}


def test_the_memory_has_an_end() -> None:
    """A stack of any size fits."""
    ours = memory(3)
    for number in range(50):
        unpacked(ours, {"a": number})
    assert len(ours._by_message) == 3  # pyright: ignore[reportPrivateUsage]
    assert len(ours._by_object) == 6  # pyright: ignore[reportPrivateUsage]


def test_reading_follows_the_life_of_what_is_read() -> None:
    """Memory of a view ends with the view, and a plain object, which may change, is read each time."""
    view: Any = unknown_checking_proxy({"a": 1})
    assert plain_once(view) is plain_once(view)
    changing = {"a": 1}
    first = plain_once(changing)
    changing["a"] = 2
    assert (first, plain_once(changing)) == ({"a": 1}, {"a": 2})
    del view
    fresh: Any = unknown_checking_proxy({"a": 3})
    assert plain_once(fresh) == {"a": 3}


def test_an_sdk_of_another_make_is_left_alone() -> None:
    """Slower, and right."""
    other = ModuleType("other")
    assert not install(other)
    assert vars(other).keys() == vars(ModuleType("other")).keys()
    known = ModuleType("known")
    for name in ("json_format", "deserialize_properties", "unknown_checking_proxy"):
        setattr(known, name, getattr(sdk, name))
    assert install(known)
    assert not install(known)
    assert known.json_format.ParseDict is json_format.ParseDict
