"""What the policy SDK unpacks once for every policy is unpacked once for all of them.

For each policy the SDK turns a resource's properties from their wire format into objects anew: with forty policies and two
thousand resources that takes most of a minute, and the policies themselves a few seconds. Nothing here changes what a policy
is given, only how often it is made: the same message yields the same objects, which no policy of this pack writes to. The
level `remediate`, which does write, is left with objects of its own.

Owns the three functions of pulumi-policy 1.21 that are replaced. Where the SDK has them under other names, nothing is replaced
and everything is as slow as before.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

_KEPT: Final = 20_000
"""Most properties that are kept; the ones that were asked for longest ago go first."""
_REPLACED: Final = ("json_format", "deserialize_properties", "unknown_checking_proxy")


@dataclass(slots=True)
class _Entry:
    """One message's forms, made when first asked for."""

    plain: dict[str, Any]
    open: dict[str, Any] | None = None
    proxy: Any = None


@dataclass
class Unpacked:
    """The SDK's functions with a memory; `formats` is its `json_format`, and the others are what they are called there."""

    formats: Any
    deserialize: Any
    check: Any
    kept: int = _KEPT
    _lock: Any = field(default_factory=threading.Lock)
    _by_message: OrderedDict[bytes, _Entry] = field(default_factory=OrderedDict[bytes, _Entry])
    _by_object: dict[int, _Entry] = field(default_factory=dict[int, _Entry])

    def MessageToDict(self, message: Any, *options: Any, **more: Any) -> Any:  # noqa: N802 - protobuf's name
        """The message as an object; the same one for messages of the same content."""
        if options or more:
            return self.formats.MessageToDict(message, *options, **more)
        content: bytes = message.SerializeToString()
        with self._lock:
            entry = self._by_message.get(content)
            if entry is not None:
                self._by_message.move_to_end(content)
                return entry.plain
        made = _Entry(self.formats.MessageToDict(message))
        with self._lock:
            self._by_message[content] = self._by_object[id(made.plain)] = made
            while len(self._by_message) > self.kept:
                _, old = self._by_message.popitem(last=False)
                for each in (old.plain, old.open):
                    self._by_object.pop(id(each), None)
        return made.plain

    def deserialize_properties(self, props: Any, proxy_secrets: bool = False) -> Any:
        """The SDK's, once for each object that came from a message."""
        entry = self._by_object.get(id(props))
        if entry is None or entry.plain is not props or proxy_secrets:
            return self.deserialize(props, proxy_secrets)
        with self._lock:
            if entry.open is None:
                entry.open = self.deserialize(props)
                self._by_object[id(entry.open)] = entry
        return entry.open

    def unknown_checking_proxy(self, props: Any) -> Any:
        """The SDK's, once for each object that came from a message."""
        entry = self._by_object.get(id(props))
        if entry is None or entry.open is not props:
            return self.check(props)
        with self._lock:
            if entry.proxy is None:
                entry.proxy = self.check(props)
        return entry.proxy

    def __getattr__(self, name: str) -> Any:
        """Everything else of `json_format` is protobuf's."""
        return getattr(self.formats, name)


def install(sdk: ModuleType) -> bool:
    """Gives the SDK's module `policy` a memory; False where it is not the one known here."""
    found = [getattr(sdk, name, None) for name in _REPLACED]
    if None in found or isinstance(found[0], Unpacked):
        return False
    formats, deserialize, check = found
    memory = Unpacked(formats, deserialize, check)
    for name, replacement in zip(
        _REPLACED, (memory, memory.deserialize_properties, memory.unknown_checking_proxy), strict=True
    ):
        setattr(sdk, name, replacement)
    return True
