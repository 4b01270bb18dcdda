"""The EndpointPickerConfig, decoded strictly: what the real picker does not know ends this one too, with its words.

Owns decoding, defaults and validation. Does not own the names (`rules.endpoint_picker`) nor what plugins do (`scoring`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from rules import endpoint_picker as known

Object = Mapping[str, Any]

DEFAULT: Final = {
    "apiVersion": known.CONFIG_API_VERSION,
    "kind": known.CONFIG_KIND,
    "plugins": [{"type": "queue-scorer"}, {"type": "kv-cache-utilization-scorer"}, {"type": known.PREFIX_SCORER}],
    "schedulingProfiles": [
        {
            "name": known.PROFILE,
            "plugins": [
                {"pluginRef": "queue-scorer", "weight": 2},
                {"pluginRef": "kv-cache-utilization-scorer", "weight": 2},
                {"pluginRef": known.PREFIX_SCORER, "weight": 3},
            ],
        }
    ],
}
"""What the picker uses when it is given no configuration (pkg/epp/config/loader/defaults.go, v1.5.0)."""


class ConfigError(Exception):
    """The picker ends at start; the message is what it writes."""


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """One declared plugin."""

    name: str
    type: str
    parameters: Object


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One scheduling profile: filters, scorers with weights, one picker, each in the order written."""

    name: str
    filters: tuple[Plugin, ...]
    scorers: tuple[tuple[Plugin, float], ...]
    picker: Plugin


@dataclass(frozen=True, kw_only=True)
class Config:
    """The configuration with its defaults filled in."""

    plugins: tuple[Plugin, ...]
    profiles: tuple[Profile, ...]

    def first(self, type_: str) -> Plugin | None:
        """The first plugin of a type."""
        return next((plugin for plugin in self.plugins if plugin.type == type_), None)


def load(text: str) -> Config:
    """Decodes and validates; an empty text is the picker's own default.

    Raises:
        ConfigError: the real picker refuses it.
    """
    raw = _decode(text) if text.strip() else DEFAULT
    plugins = _plugins(raw)
    by_name = {plugin.name: plugin for plugin in plugins}
    profiles = _list(raw, "schedulingProfiles") or [
        {
            "name": known.PROFILE,
            "plugins": [{"pluginRef": p.name} for p in plugins if _role(p) in {"filter", "scorer", "picker"}],
        }
    ]
    seen: set[str] = set()
    found: list[Profile] = []
    for index, profile in enumerate(profiles):
        name = str(profile.get("name") or "")
        problem = "is missing a name" if not name else f"has duplicate name '{name}'" if name in seen else None
        if problem is not None:
            raise ConfigError(_invalid(f"schedulingProfiles[{index}] {problem}"))
        seen.add(name)
        found.append(_profile(name, profile, by_name))
    detector = raw.get("saturationDetector")
    if isinstance(detector, Mapping):
        reference = cast("Object", detector).get("pluginRef") or known.SATURATION_DETECTOR
        if reference != known.SATURATION_DETECTOR and reference not in by_name:
            raise ConfigError(
                "failed to load the configuration - configuration validation failed: saturation detector validation "
                f"failed: saturation detector references undefined plugin '{reference}'"
            )
    return Config(plugins=tuple(plugins), profiles=tuple(found))


def _invalid(text: str) -> str:
    return (
        "failed to load the configuration - configuration validation failed: scheduling profile validation failed: "
        + text
    )


def _decode(text: str) -> Object:
    try:
        value: object = json.loads(text)
    except ValueError:
        value = _yaml(text)
    if not isinstance(value, dict):
        raise ConfigError(_undecodable("cannot unmarshal into Go value of type v1alpha1.EndpointPickerConfig"))
    raw = cast("Object", value)
    kind, version = raw.get("kind"), raw.get("apiVersion")
    if not kind:
        raise ConfigError(_undecodable("Object 'Kind' is missing"))
    if kind != known.CONFIG_KIND or version not in known.CONFIG_API_VERSIONS:
        raise ConfigError(_undecodable(f'no kind "{kind}" is registered for version "{version}"'))
    unknown = _unknown(raw)
    if unknown:
        fields = ", ".join(f'unknown field "{name}"' for name in unknown)
        raise ConfigError(_undecodable(f"strict decoding error: {fields}"))
    return raw


def _yaml(text: str) -> object:
    import yaml  # noqa: PLC0415 - not needed for JSON, which is what KServe passes on

    try:
        return cast("object", yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConfigError(_undecodable(str(error))) from None


def _unknown(raw: Object) -> list[str]:
    """The fields that the picker has no place for, with their paths."""
    unknown = [name for name in raw if name not in known.FIELDS]
    for index, plugin in enumerate(_list(raw, "plugins")):
        unknown += [f"plugins[{index}].{name}" for name in plugin if name not in known.PLUGIN_FIELDS]
    for index, profile in enumerate(_list(raw, "schedulingProfiles")):
        at = f"schedulingProfiles[{index}]"
        unknown += [f"{at}.{name}" for name in profile if name not in known.PROFILE_FIELDS]
        for place, entry in enumerate(_list(profile, "plugins")):
            unknown += [f"{at}.plugins[{place}].{name}" for name in entry if name not in known.PROFILE_PLUGIN_FIELDS]
    return unknown


def _undecodable(reason: str) -> str:
    return f"failed to parse config - failed to decode configuration JSON/YAML: {reason}"


def _list(raw: Object, field: str) -> list[Object]:
    value: object = raw.get(field)
    if value is None:
        return []
    entries = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(isinstance(entry, Mapping) for entry in entries):
        raise ConfigError(_undecodable(f"cannot unmarshal field EndpointPickerConfig.{field}"))
    return [cast("Object", entry) for entry in entries]


def _plugins(raw: Object) -> list[Plugin]:
    plugins: list[Plugin] = []
    names: set[str] = set()
    failed = "failed to load the configuration - plugin instantiation failed:"
    for entry in _list(raw, "plugins"):
        type_ = str(entry.get("type") or "")
        name = str(entry.get("name") or type_)
        if not type_:
            raise ConfigError(f"{failed} plugin '{name}' is missing a type")
        if name in names:
            raise ConfigError(f"{failed} duplicate plugin name '{name}'")
        names.add(name)
        if type_ not in known.PLUGINS:
            raise ConfigError(f"{failed} plugin type '{type_}' is not registered")
        parameters: object = entry.get("parameters") or {}
        if not isinstance(parameters, Mapping):
            raise ConfigError(f"{failed} failed to create plugin '{name}' (type: {type_}): parameters are no object")
        checked = cast("Object", parameters)
        allowed = known.PLUGINS[type_].parameters
        wrong = [] if allowed is None else [key for key in checked if key not in allowed]
        if wrong:
            raise ConfigError(
                f"{failed} failed to create plugin '{name}' (type: {type_}): json: unknown field \"{wrong[0]}\""
            )
        plugins.append(Plugin(name=name, type=type_, parameters=checked))
    return plugins


def _profile(name: str, profile: Object, by_name: Mapping[str, Plugin]) -> Profile:
    filters: list[Plugin] = []
    scorers: list[tuple[Plugin, float]] = []
    pickers: list[Plugin] = []
    for index, entry in enumerate(_list(profile, "plugins")):
        reference = str(entry.get("pluginRef") or "")
        if not reference:
            raise ConfigError(_invalid(f"schedulingProfiles[{name}].plugins[{index}] is missing a 'pluginRef'"))
        plugin = by_name.get(reference)
        if plugin is None:
            raise ConfigError(_invalid(f"schedulingProfiles[{name}] references undefined plugin '{reference}'"))
        role = _role(plugin)
        if role == "scorer":
            weight: object = entry.get("weight")
            scorers.append((plugin, float(weight) if isinstance(weight, int | float) else 1.0))
        elif role == "filter":
            filters.append(plugin)
        elif role == "picker":
            pickers.append(plugin)
    if len(pickers) > 1:
        raise ConfigError(
            "failed to load the configuration - scheduler config build failed: failed to set "
            f"'{pickers[1].name}' as picker, already have a registered picker plugin '{pickers[0].name}'"
        )
    spare = next((p for p in by_name.values() if _role(p) == "picker"), None)
    default = Plugin(name=known.MAX_SCORE_PICKER, type=known.MAX_SCORE_PICKER, parameters={})
    return Profile(
        name=name, filters=tuple(filters), scorers=tuple(scorers), picker=pickers[0] if pickers else spare or default
    )


def _role(plugin: Plugin) -> str:
    return known.PLUGINS[plugin.type].role
