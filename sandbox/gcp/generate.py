"""Writes `schema.json`: which properties each resource type of the simulated provider takes, from the installed SDK.

The official SDK (`pulumi_gcp`) is generated from the provider's own schema, so its argument classes are that schema. It
is far too large to import in a plugin that must be up in a blink (4 MB of source for `container` alone), therefore it is
read once, by its syntax tree, into a small file. Run `python -m sandbox.gcp.generate` after changing the SDK's version.
"""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = Path(__file__).with_name("schema.json")

RESOURCES: Final = {
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": "artifactregistry/repository_iam_member.py",
    "gcp:compute/address:Address": "compute/address.py",
    "gcp:compute/firewall:Firewall": "compute/firewall.py",
    "gcp:compute/network:Network": "compute/network.py",
    "gcp:compute/regionSecurityPolicy:RegionSecurityPolicy": "compute/region_security_policy.py",
    "gcp:compute/regionSslPolicy:RegionSslPolicy": "compute/region_ssl_policy.py",
    "gcp:compute/resourcePolicy:ResourcePolicy": "compute/resource_policy.py",
    "gcp:compute/router:Router": "compute/router.py",
    "gcp:compute/routerNat:RouterNat": "compute/router_nat.py",
    "gcp:compute/subnetwork:Subnetwork": "compute/subnetwork.py",
    "gcp:container/cluster:Cluster": "container/cluster.py",
    "gcp:container/nodePool:NodePool": "container/node_pool.py",
    "gcp:iap/webIamMember:WebIamMember": "iap/web_iam_member.py",
    "gcp:monitoring/alertPolicy:AlertPolicy": "monitoring/alert_policy.py",
    "gcp:monitoring/dashboard:Dashboard": "monitoring/dashboard.py",
    "gcp:monitoring/notificationChannel:NotificationChannel": "monitoring/notification_channel.py",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": "kms/crypto_key_iam_member.py",
    "gcp:projects/iAMMember:IAMMember": "projects/iam_member.py",
    "gcp:projects/service:Service": "projects/service.py",
    "gcp:projects/serviceIdentity:ServiceIdentity": "projects/service_identity.py",
    "gcp:secretmanager/secretIamMember:SecretIamMember": "secretmanager/secret_iam_member.py",
    "gcp:serviceaccount/account:Account": "serviceaccount/account.py",
}
"""Type token -> the SDK's module."""

_SCALARS: Final = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


def build() -> dict[str, Any]:
    """The schema of every type in `RESOURCES`, read from the installed SDK."""
    root = Path(_package_root("pulumi_gcp"))
    types: dict[str, Any] = {}
    resources = {token: _resource(root, path, types) for token, path in RESOURCES.items()}
    return {"version": metadata.version("pulumi-gcp"), "resources": resources, "types": dict(sorted(types.items()))}


def _package_root(package: str) -> str:
    spec = util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not installed: the schema is read from it")
    return next(iter(spec.submodule_search_locations))


def _resource(root: Path, path: str, types: dict[str, Any]) -> dict[str, Any]:
    source = root / path
    classes = _Classes(source)
    name = next(key for key in classes.names if f"_{key}State" in classes.names)
    inputs, required = _properties(classes[f"{name}Args"])
    outputs, _ = _properties(classes[f"_{name}State"])
    nested = _nested(source.with_name("_inputs.py"))
    _collect(inputs, nested, types)
    _collect(outputs, nested, types)
    return {"inputs": inputs, "required": required, "outputs": {k: v for k, v in outputs.items() if k not in inputs}}


class _Classes:
    """The classes of a module, each parsed when it is asked for: whole modules take seconds."""

    def __init__(self, source: Path) -> None:
        text = source.read_text(encoding="utf-8") if source.exists() else ""
        parts = re.split(r"^(?=@|class |def |if |try:|from |import )", text, flags=re.MULTILINE)
        self._text = {match[1]: part for part in parts if (match := re.match(r"class (\w+)", part))}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._text)

    def __contains__(self, name: object) -> bool:
        return name in self._text

    def __getitem__(self, name: str) -> ast.ClassDef:
        node = ast.parse(self._text[name]).body[0]
        if not isinstance(node, ast.ClassDef):
            raise TypeError(name)
        return node


@cache
def _nested(source: Path) -> _Classes:
    return _Classes(source)


def _properties(node: ast.ClassDef) -> tuple[dict[str, str], list[str]]:
    """Property name on the wire -> type, and the names of those that are required."""
    wire: dict[str, str] = {}
    init: ast.FunctionDef | None = None
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            init = item
        elif isinstance(item, ast.FunctionDef):
            wire.setdefault(item.name, _wire_name(item))
    if init is None:
        return {}, []
    properties: dict[str, str] = {}
    required: list[str] = []
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        name = wire.get(argument.arg, argument.arg)
        properties[name] = _type(argument.annotation)
        if default is None:
            required.append(name)
    return dict(sorted(properties.items())), sorted(required)


def _wire_name(function: ast.FunctionDef) -> str:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return function.name


def _type(annotation: ast.expr | None) -> str:
    """`Input[Optional[Sequence[Input['XArgs']]]]` is `[X]`, `Input[str]` `string`, `Mapping[str, Input[str]]` `{string}`."""
    if isinstance(annotation, ast.Constant):
        return str(annotation.value).removesuffix("Args")
    if isinstance(annotation, ast.Attribute):
        return _SCALARS.get(annotation.attr, "any")
    if isinstance(annotation, ast.Subscript):
        outer = annotation.value.attr if isinstance(annotation.value, ast.Attribute) else ast.unparse(annotation.value)
        inner = annotation.slice
        if outer == "Sequence":
            return f"[{_type(inner)}]"
        if outer == "Mapping" and isinstance(inner, ast.Tuple):
            return f"{{{_type(inner.elts[1])}}}"
        if outer in {"Input", "Optional"}:
            return _type(inner)
    return "any"


def _collect(properties: dict[str, str], nested: _Classes, types: dict[str, Any]) -> None:
    for kind in properties.values():
        name = kind.strip("[]{}")
        if name in types or f"{name}Args" not in nested:
            continue
        fields, required = _properties(nested[f"{name}Args"])
        types[name] = {"properties": fields, "required": required}
        _collect(fields, nested, types)


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(build(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
