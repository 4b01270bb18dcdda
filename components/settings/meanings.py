"""What each setting means: the docstrings below the fields, read from the source when somebody asks.

Owns the reading, which errors, the JSON schema and the page of settings use. Pydantic can do it by itself while the classes
are made, but then every preview pays for words that only an error shows: a sixth of a second.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel


def meaning(model: type[BaseModel], field: str) -> str:
    """What the field of a group of settings means, in one line; empty where nothing is written."""
    for owner in model.__mro__:
        if text := _of_module(owner.__module__).get(owner.__qualname__, {}).get(field):
            return text
    return ""


def described(schema: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a group of settings, with the meanings of its fields and of all groups in it."""
    groups = {group.__name__: group for group in _groups(model)}
    _describe(schema, model)
    for name, definition in schema.get("$defs", {}).items():
        if name in groups:
            _describe(definition, groups[name])
    return schema


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    aliases = {info.alias or name: name for name, info in model.model_fields.items()}
    for alias, setting in schema.get("properties", {}).items():
        if text := meaning(model, aliases[alias]):
            setting["description"] = text


def _groups(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The groups of settings within a group, at any depth."""
    seen: set[type[BaseModel]] = set()
    waiting = [model]
    while waiting:
        group = waiting.pop()
        if group in seen:
            continue
        seen.add(group)
        yield group
        for info in group.model_fields.values():
            waiting += _classes(info.annotation)


def _classes(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _classes(argument)]


@functools.cache
def _of_module(name: str) -> Mapping[str, Mapping[str, str]]:
    """Field docstrings of a module's classes, by class and field."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[name]))
    except (OSError, TypeError):
        return {}  # a class of a library, or one that has no source
    return {node.name: _of_class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _of_class(node: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            found[field.target.id] = " ".join(below.value.value.split())
    return found
