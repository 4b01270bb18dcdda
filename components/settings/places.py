"""Which type stands at a place in the settings, such as the value of `services[0].environment.PORT`.

Owns the walk through the groups of settings, for errors and examples. Does not own their words (`meanings.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import MaxLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from components.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in the settings."""

    annotation: Any
    """What may stand there."""
    owner: type[BaseModel] | None = None
    """The innermost group that declares it, and the field of that group: for a value in a mapping, the mapping's."""
    field: str | None = None
    info: FieldInfo | None = None
    """The declaration; None for what stands in a list or mapping."""

    @property
    def model(self) -> type[BaseModel] | None:
        """The group that stands there; None for values, lists and mappings."""
        bare = unwrapped(self.annotation)
        return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None

    @property
    def optional(self) -> bool:
        """Whether nothing at all may stand there, and that is what is meant where it is left out."""
        return self.info is not None and self.info.default is None and NoneType in get_args(self.annotation)

    @property
    def has_default(self) -> bool:
        """Whether the line may be left out."""
        return self.info is not None and not self.info.is_required()

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a choice; none where other values are taken."""
        bare = unwrapped(self.annotation)
        return get_args(bare) if get_origin(bare) is Literal else ()

    @property
    def pattern(self) -> str | None:
        """What a text there has to look like."""
        return next((found for each in self._metadata() if (found := getattr(each, "pattern", None))), None)

    @property
    def longest(self) -> int | None:
        """How many letters a text there may have."""
        bounds = [each.max_length for each in self._metadata() if isinstance(each, MaxLen)]
        return min(bounds, default=None)

    def _metadata(self) -> Iterator[Any]:
        yield from self.info.metadata if self.info else ()
        current = self.annotation
        while get_origin(current) in {Annotated, Union, UnionType}:
            if get_origin(current) is Annotated:
                for each in get_args(current)[1:]:
                    yield from each.metadata if isinstance(each, FieldInfo) else (each,)
            current = _inner(current)


def place(location: Sequence[int | str]) -> Place | None:
    """The place that an error names; None where there is none of that name."""
    at = Place(annotation=Settings)
    for part in location:
        bare = unwrapped(at.annotation)
        model = at.model
        if model is not None:
            found = next(((n, f) for n, f in model.model_fields.items() if part in (n, f.alias)), None)
            if found is None:
                return None
            at = Place(annotation=found[1].annotation, owner=model, field=found[0], info=found[1])
        elif get_args(bare):
            at = Place(annotation=get_args(bare)[-1 if isinstance(part, str) else 0], owner=at.owner, field=at.field)
        else:
            return None
    return at


def unwrapped(annotation: Any) -> Any:
    """A type without its conditions, and without that it may be left out."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        annotation = _inner(annotation)
    return annotation


def _inner(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[0]
    return next(each for each in get_args(annotation) if each is not NoneType)


def item_of(annotation: Any) -> Any:
    """What a list holds; the type itself where it is none."""
    bare = unwrapped(annotation)
    return get_args(bare)[0] if get_origin(bare) is tuple else bare


def is_block(annotation: Any) -> bool:
    """Whether a group of settings stands there."""
    bare = unwrapped(annotation)
    return isinstance(bare, type) and issubclass(bare, BaseModel)
