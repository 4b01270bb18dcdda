"""One fault in one resource of a stack, and who finds it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.policies.harness import UNKNOWN, Made


class Gone:
    """Takes the field away."""


class Missing:
    """Takes the whole resource away."""


GONE: Final = Gone()
MISSING: Final = Missing()
EVERY_STACK: Final = frozenset({"dev", "prod"})


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One fault.

    Attributes:
        name: What is wrong, in a few words.
        kind: Last part of the resource's type token.
        resource: Part of the resource's name, where there are several of the kind.
        path: The field; a number is a place in a list, of which the last plus one appends.
        value: What is put there; GONE takes the field away, MISSING the resource.
        policy: Policy that finds it.
        rule: Rule that the policy names.
        added: A resource that should not be there; the stack is otherwise as it was.
        advised: The policy that finds it only advises.
        stacks: Stacks in which the resource exists.
        undecidable: With the value unknown there is a finding as well; False where the value does not decide anything.
    """

    name: str
    kind: str
    path: tuple[str | int, ...] = ()
    value: Any = MISSING
    policy: str
    rule: str
    resource: str = ""
    added: Made | None = None
    advised: bool = False
    stacks: frozenset[str] = EVERY_STACK
    undecidable: bool = True

    @property
    def whole(self) -> bool:
        """A resource comes or goes, so there is no field whose value could be unknown."""
        return self.added is not None or self.value is MISSING

    def target(self, stack: Sequence[Made]) -> int:
        """The place of the resource in the stack.

        Raises:
            LookupError: The stack has no such resource: the table is out of date.
        """
        for index, made in enumerate(stack):
            if made.token.rsplit(":", 1)[-1] == self.kind and self.resource in made.name:
                if made.token.startswith("platform:"):
                    continue
                return index
        raise LookupError(f"{self.name}: the stack has no {self.kind} with {self.resource!r} in its name")

    def applied(self, stack: Sequence[Made]) -> list[Made]:
        """The stack with the fault."""
        return self._changed(stack, self.value)

    def applied_unknown(self, stack: Sequence[Made]) -> list[Made]:
        """The stack with the faulty field unknown, as before the first update."""
        return self._changed(stack, UNKNOWN)

    def _changed(self, stack: Sequence[Made], value: Any) -> list[Made]:
        if self.added is not None:
            return [*stack, self.added]
        place = self.target(stack)
        if self.value is MISSING:
            return [*stack[:place], *stack[place + 1 :]]
        props = copy.deepcopy(stack[place].props)
        put(props, self.path, value)
        return [*stack[:place], replace(stack[place], props=props), *stack[place + 1 :]]


def put(properties: Any, path: Sequence[str | int], value: Any) -> None:
    """Writes `value` at `path`, making objects on the way; GONE takes the field away."""
    *above, last = path
    for step, following in zip(above, path[1:], strict=True):
        if isinstance(step, str) and step not in properties:
            properties[step] = [] if isinstance(following, int) else {}
        properties = properties[step]
    if isinstance(last, int) and last == len(properties):
        properties.append(value)
    elif value is GONE:
        del properties[last]
    else:
        properties[last] = value
