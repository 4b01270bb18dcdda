"""What a resource of a stack waits for, as the engine knows it: by `depends_on`, and by what it takes from others.

Owns the way through the dependencies. Does not judge. Plain YAML has no order at all, so that nothing can be said about it there.
"""

from __future__ import annotations

from collections.abc import Iterable

from pulumi_policy import PolicyResource


class Order:
    """Which resources come after which."""

    def __init__(self, resources: Iterable[PolicyResource] = ()) -> None:
        self._first: dict[str, list[str]] = {}
        self._parent: dict[str, str] = {}
        self._inside: dict[str, list[str]] = {}
        for resource in resources:
            provider = [resource.provider.urn] if resource.provider is not None and resource.provider.urn else []
            self._first[resource.urn] = [*(other.urn for other in resource.dependencies), *provider]
            if resource.parent is not None:
                self._parent[resource.urn] = resource.parent.urn
                self._inside.setdefault(resource.parent.urn, []).append(resource.urn)

    @property
    def told(self) -> bool:
        """Whether it is known at all; the engine gives every resource a parent or a provider, files give it neither."""
        return bool(self._parent) or any(self._first.values())

    def after(self, urn: str, other: str) -> bool:
        """Whether the resource waits for the other, directly or by way of others.

        It waits for what its component waits for, and to wait for a component is to wait for all that is in it.
        """
        seen: set[str] = set()
        left = self._awaited(urn)
        while left:
            step = left.pop()
            if step == other:
                return True
            if step not in seen:
                seen.add(step)
                left += [*self._awaited(step), *self._inside.get(step, ())]
        return False

    def _awaited(self, urn: str) -> list[str]:
        """What a resource and the components around it name."""
        found: list[str] = []
        place: str | None = urn
        while place is not None:
            found += self._first.get(place, ())
            place = self._parent.get(place)
        return found
