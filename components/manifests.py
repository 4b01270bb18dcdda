"""Kubernetes objects as resources with a name of their own.

Owns the one place that makes an object: explicit metadata.name, so that an object is never created twice under two names,
and for most kinds nothing but apiVersion, kind, metadata and spec; and which of its outputs the stack's state may hold only
encrypted. Does not use the SDK's typed classes: importing a single one of the core group takes half a second of every preview.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from components.kubernetes import SDK
from components.light import of_release

SECRET_OUTPUTS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {("v1", "Secret"): ("data", "stringData")}
"""What the SDK's class of a kind marks as secret. So does the provider, whoever wrote the value (`annotateSecrets`); what hides a
token from whoever reads the state should not hang on one of the two."""


def manifest(
    resource: str,
    *,
    api_version: str,
    kind: str,
    name: pulumi.Input[str],
    namespace: pulumi.Input[str] | None = None,
    spec: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    fields: Mapping[str, Any] | None = None,
    opts: pulumi.ResourceOptions,
) -> pulumi.CustomResource:
    """The object `kind` called `name`; `resource` is its name in the stack.

    `fields` stand beside `spec`, for the few kinds that have such: `rules` of a Role, `type` of a Secret.
    """
    metadata: dict[str, Any] = {"name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    # The provider takes no type without a group and a version.
    group_version = api_version if "/" in api_version else f"core/{api_version}"
    props = {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, **(fields or {})}
    hidden = pulumi.ResourceOptions(additional_secret_outputs=list(SECRET_OUTPUTS.get((api_version, kind), ())) or None)
    opts = pulumi.ResourceOptions.merge(opts, hidden)
    return pulumi.CustomResource(f"kubernetes:{group_version}:{kind}", resource, props, of_release(SDK, opts))
