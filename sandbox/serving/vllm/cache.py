"""The KV cache of one server: blocks in use, and blocks that wait to be hit again or evicted.

Owns: the hash chain of a prompt's full blocks, allocation, reference counts and eviction of the block that was used longest
ago, as vLLM's own block pool does. A chain is used because the content of a block depends on all before it. Does not own
time (`engine`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from rules.vllm_performance import BYTES_PER_TOKEN


def chain(text: bytes, block_tokens: int) -> list[bytes]:
    """One hash per full block of `text`, each also of all blocks before it."""
    size = block_tokens * BYTES_PER_TOKEN
    hashes: list[bytes] = []
    previous = b""
    for start in range(0, len(text) - size + 1, size):
        previous = blake2b(text[start : start + size], digest_size=12, key=previous).digest()
        hashes.append(previous)
    return hashes


@dataclass
class Allocation:
    """The blocks that one request holds."""

    hashes: Sequence[bytes]
    private: int
    hit_blocks: int = 0
    shared: list[bytes] = field(default_factory=list[bytes])


class BlockCache:
    """`blocks` blocks. With `caching` off, nothing is kept after a request."""

    def __init__(self, blocks: int, *, caching: bool = True) -> None:
        self._blocks = blocks
        self._caching = caching
        self._active: dict[bytes, int] = {}
        self._idle: OrderedDict[bytes, None] = OrderedDict()
        self._private = 0

    @property
    def usage(self) -> float:
        """The part of the blocks that requests hold, 0 to 1; blocks that only wait for a hit count as free."""
        return min((len(self._active) + self._private) / self._blocks, 1.0)

    def allocate(self, hashes: Sequence[bytes], private: int) -> Allocation | None:
        """Blocks for a prompt with these full blocks and `private` further ones; None while there are too few."""
        known = 0
        for key in hashes if self._caching else ():
            if key not in self._active and key not in self._idle:
                break
            known += 1
        held = sum(1 for key in hashes[:known] if key in self._active)
        if len(self._active) + self._private + len(hashes) - held + private > self._blocks:
            return None
        allocation = Allocation(hashes, private, known)
        if self._caching:
            for key in hashes:
                self._idle.pop(key, None)
                self._active[key] = self._active.get(key, 0) + 1
            allocation.shared = list(hashes)
        else:
            allocation.private += len(hashes)
        self._private += allocation.private
        self._evict()
        return allocation

    def release(self, allocation: Allocation, generated: Sequence[bytes] = ()) -> None:
        """Gives the blocks back; those of the prompt and the `generated` ones after it can be hit from now on."""
        self._private -= allocation.private
        freed: list[bytes] = []
        for key in allocation.shared:
            self._active[key] -= 1
            if not self._active[key]:
                del self._active[key]
                freed.append(key)
        if self._caching:
            freed += [key for key in generated if key not in self._active]
        for key in reversed(freed):  # the end of a prompt is of less use than its beginning, and goes first
            self._idle[key] = None
            self._idle.move_to_end(key)
        self._evict()

    def _evict(self) -> None:
        while self._idle and len(self._active) + self._private + len(self._idle) > self._blocks:
            self._idle.popitem(last=False)
