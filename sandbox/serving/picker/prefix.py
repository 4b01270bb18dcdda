"""What the picker believes to be in each server's prefix cache: approx-prefix-cache-producer.

Owns the hash chain of a prompt and, per server, the blocks that were sent there, the oldest forgotten first. It never asks a
server; it is right as far as servers forget in the same order and cut prompts into the same blocks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from rules import endpoint_picker as known
from rules.endpoint_picker_flags import BYTES_PER_TOKEN, DEFAULT_BLOCK_TOKENS
from sandbox.serving.picker.endpoints import Endpoint


class PrefixIndex:
    """The producer with these parameters."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._auto = parameters.get("autoTune", True) is not False
        self._block_tokens = int(parameters.get("blockSizeTokens", DEFAULT_BLOCK_TOKENS))
        self._max_blocks = int(parameters.get("maxPrefixBlocksToMatch", known.MAX_PREFIX_BLOCKS))
        self._max_tokens = int(parameters.get("maxPrefixTokensToMatch", 0))
        self._capacity = int(parameters.get("lruCapacityPerServer", known.LRU_CAPACITY_PER_SERVER))
        self._servers: dict[str, OrderedDict[bytes, None]] = {}

    def hashes(self, model: str, prompt: bytes, endpoints: Sequence[Endpoint]) -> list[bytes]:
        """One hash per full block of the prompt's beginning, chained; models do not share any."""
        tokens = endpoints[0].block_tokens if self._auto and endpoints and endpoints[0].block_tokens else 0
        tokens = tokens or self._block_tokens
        limit = self._max_tokens // tokens if self._max_tokens > 0 else self._max_blocks
        size = tokens * BYTES_PER_TOKEN
        found: list[bytes] = []
        previous = blake2b(model.encode(), digest_size=12).digest()
        for start in range(0, min(len(prompt), limit * size) - size + 1, size):
            previous = blake2b(prompt[start : start + size], digest_size=12, key=previous).digest()
            found.append(previous)
        return found

    def matches(self, hashes: Sequence[bytes], endpoints: Sequence[Endpoint]) -> dict[str, int]:
        """How many blocks of the beginning each server is believed to hold."""
        found: dict[str, int] = {}
        for endpoint in endpoints:
            held = self._servers.get(endpoint.pod, OrderedDict())
            count = 0
            while count < len(hashes) and hashes[count] in held:
                count += 1
            found[endpoint.pod] = count
        return found

    def record(self, hashes: Sequence[bytes], endpoint: Endpoint) -> None:
        """Notes that the prompt goes to this server. With autoTune the server's own number of blocks is the limit."""
        held = self._servers.setdefault(endpoint.pod, OrderedDict())
        for key in reversed(hashes):
            held[key] = None
            held.move_to_end(key)
        capacity = endpoint.blocks if self._auto and endpoint.blocks else self._capacity
        while len(held) > capacity:
            held.popitem(last=False)

    def forget(self, pods: set[str]) -> None:
        """Drops all servers but these."""
        for pod in self._servers.keys() - pods:
            del self._servers[pod]
