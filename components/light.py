"""Resources registered by type token and properties, which is all that an SDK's class does with them.

Owns that registration and the engine's spelling of names. Importing one class of `pulumi_gcp.compute` runs over a thousand
others, and one of `pulumi_kubernetes.helm` a tenth of a second of code; that is felt at every preview of every pull request. So
`google.py` and `kubernetes.py` show the SDK's classes to the type checker and take these when the program runs. `FULL_SDK=1` in
the environment takes the SDK's classes instead; a test builds the stacks either way and compares what is registered.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast

import pulumi

FULL_SDK: Final = "FULL_SDK"
"""Environment variable that takes the SDK's classes at run time too."""

_MAPS: Final = frozenset({"labels", "metadata", "resourceLabels", "tags", "userLabels", "values"})
"""Properties whose keys are the user's own and stay as they are written."""


def camel(name: str) -> str:
    """`secondary_ip_ranges` as the engine spells it: `secondaryIpRanges`."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def snake(name: str) -> str:
    """`clusterCaCertificate` as Python spells it: `cluster_ca_certificate`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def spelled(value: Any) -> Any:
    """`value` with the keys of all objects in it as the engine spells them, and without what is not set."""
    if isinstance(value, Mapping):
        properties = cast(Mapping[str, Any], value)
        pairs = ((camel(key), item) for key, item in properties.items() if item is not None)
        return {key: item if key in _MAPS else spelled(item) for key, item in pairs}
    if isinstance(value, list | tuple):
        return [spelled(item) for item in cast(list[Any], value)]
    return value


class Nested(dict[str, Any]):
    """An object inside a resource's outputs, read by attribute as from the SDK's class."""

    def __getattr__(self, name: str) -> Any:
        """The property, or None where the provider did not set it."""
        if name.startswith("__"):
            raise AttributeError(name)
        return nested(self.get(camel(name)))


def nested(value: Any) -> Any:
    """`value` with its objects readable by attribute."""
    return Nested(cast(dict[str, Any], value)) if isinstance(value, dict) else value


@functools.cache
def released(sdk: str) -> str:
    """The version of the Python package `sdk`: also its provider's, which the engine wants with each resource."""
    return importlib.metadata.version(sdk)


def of_release(sdk: str, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """Options of a resource whose provider has the version of `sdk`."""
    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=released(sdk)), opts)


class LightProvider(pulumi.ProviderResource):
    """A provider whose SDK is the Python package `sdk`. Environment variables are the provider's own to read."""

    sdk: ClassVar[str]
    provides: ClassVar[str]

    def __init__(self, resource_name: str, opts: pulumi.ResourceOptions | None = None, **arguments: Any) -> None:
        # A provider's configuration is text on the wire, whatever its type.
        properties = {
            key: value if isinstance(value, str | pulumi.Output) else json.dumps(value)
            for key, value in spelled(arguments).items()
        }
        super().__init__(self.provides, resource_name, properties, of_release(self.sdk, opts))


class LightResource(pulumi.CustomResource):
    """A resource of a provider whose SDK is the Python package `sdk`, registered by type token and properties."""

    sdk: ClassVar[str]
    resource_type: ClassVar[str]
    outputs: ClassVar[tuple[str, ...]] = ()
    fixed: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, resource_name: str, opts: pulumi.ResourceOptions | None = None, **arguments: Any) -> None:
        properties = {**dict.fromkeys(self.outputs), **self.fixed, **spelled(arguments)}
        super().__init__(self.resource_type, resource_name, properties, of_release(self.sdk, opts))

    def __getattr__(self, name: str) -> Any:
        """An input or a declared output, under its Python name."""
        value = self.__dict__.get(camel(name))
        if name.startswith("_") or value is None:
            raise AttributeError(f"{type(self).__name__} has no output {name!r} here; declare it in its class")
        return value.apply(nested) if isinstance(value, pulumi.Output) else value
