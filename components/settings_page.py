"""The page of all settings, docs/settings.md, made from their JSON schema so that it cannot be out of date.

Owns the page's form. Does not own a word of it: meanings are the settings' docstrings, defaults and limits their types.
`python -m components.schema` writes it, and a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

Node = Mapping[str, Any]

HEAD = """# Settings

Everything that `gke-tpu-inference:platform` in Pulumi.&lt;stack&gt;.yaml takes, with its default; **required** where there is
none. Editors complete and check it by [settings.schema.json](../settings.schema.json). A wrong value is refused before anything
is created, with the field, the value, the reason and what to write instead. Written by `make schema`.
"""


def page(platform: Node, definitions: Mapping[str, Node]) -> str:
    """The page: one table a group of settings, in the order in which they are used."""
    parts = [HEAD, _table("platform", platform, definitions)]
    parts += [_table(path, definitions[name], definitions) for name, path in _groups(platform, definitions)]
    return "\n".join(parts)


def _groups(platform: Node, definitions: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    """Every group once, with the first path that leads to it, each after the group that it belongs to."""
    seen: set[str] = set()

    def visit(node: Node, path: str) -> Iterator[tuple[str, str]]:
        for name, setting in node.get("properties", {}).items():
            for group, suffix in _references(setting):
                if group in seen or "properties" not in definitions[group]:
                    continue
                seen.add(group)
                where = f"{path}{name}{suffix}"
                yield group, where
                yield from visit(definitions[group], f"{where}.")

    yield from visit(platform, "")


def _references(setting: Any, suffix: str = "") -> Iterator[tuple[str, str]]:
    """The groups that a setting holds; `[]` marks lists of them."""
    if isinstance(setting, Mapping):
        for key, value in setting.items():  # pyright: ignore[reportUnknownVariableType] - JSON
            if key == "$ref":
                yield str(value).rsplit("/", 1)[-1], suffix
            elif key in ("items", "prefixItems"):
                yield from _references(value, f"{suffix}[]")
            elif key == "additionalProperties":
                yield from _references(value, f"{suffix}.NAME")
            elif key in ("anyOf", "oneOf", "allOf"):
                for choice in value:
                    yield from _references(choice, suffix)


def _table(path: str, group: Node, definitions: Mapping[str, Node]) -> str:
    required = set(group.get("required", ()))
    lines = [
        f"## {path}",
        "",
        _cell(group.get("description", "")),
        "",
        "| setting | takes | default | meaning |",
        "|---|---|---|---|",
    ]
    for name, setting in group["properties"].items():
        default = "**required**" if name in required else _default(setting)
        lines.append(f"| `{name}` | {_takes(setting)} | {default} | {_cell(_meaning(setting, definitions))} |")
    return "\n".join([*lines, ""])


def _meaning(setting: Node, definitions: Mapping[str, Node]) -> str:
    """What the setting is for; a group that says nothing of its own has its class's words."""
    groups = (definitions[group] for group, _ in _references(setting))
    return setting.get("description") or next((group.get("description", "") for group in groups), "")


def _cell(text: str) -> str:
    """Text in one table cell."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _default(setting: Node) -> str:
    value = setting.get("default")
    if value is None:
        return "not set"
    if isinstance(value, Mapping | list):
        return "see below" if value else "none"
    return f"`{_cell(json.dumps(value) if not isinstance(value, str) else value)}`"


_TYPES: Final[Mapping[str, str]] = {
    "object": "names with values",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}


def _takes(setting: Node) -> str:
    """What a setting takes, in words."""
    choices = setting.get("anyOf") or [
        {"enum": [value]} for value in setting.get("enum", ()) if len(setting["enum"]) > 1
    ]
    if choices:
        return " or ".join(dict.fromkeys(_takes(choice) for choice in choices if choice.get("type") != "null"))
    if "$ref" in setting:
        return "a block"
    if "enum" in setting or "const" in setting:
        return f"`{_cell(str(setting['const'] if 'const' in setting else setting['enum'][0]))}`"
    if setting.get("type") == "array":
        inner = setting.get("items", {})
        return f"a list of {'blocks' if '$ref' in inner else _takes(inner)}"
    return f"{_TYPES.get(setting.get('type', ''), 'a value')}{_range(setting)}"


def _range(setting: Node) -> str:
    lowest = setting.get("minimum", setting.get("exclusiveMinimum"))
    above = "above" if "exclusiveMinimum" in setting else "from"
    highest = setting.get("maximum", setting.get("exclusiveMaximum"))
    low = "" if lowest is None else f" {above} {lowest:g}"
    high = "" if highest is None else f" to {highest:g}"
    return f"{low}{high}"
