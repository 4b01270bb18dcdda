"""Kubernetes objects of kinds that come with a CRD, as resources with a name of their own.

Owns the one place that makes a custom resource: explicit metadata.name, so that an object is never created twice under two
names, and nothing but apiVersion, kind, metadata and spec, which is all the generic resource type takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions.CustomResource import CustomResource


def manifest(
    resource: str,
    *,
    api_version: str,
    kind: str,
    name: pulumi.Input[str],
    namespace: pulumi.Input[str] | None = None,
    spec: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    opts: pulumi.ResourceOptions,
) -> CustomResource:
    """The object `kind` called `name`; `resource` is its name in the stack."""
    metadata: dict[str, Any] = {"name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    return CustomResource(
        resource,
        api_version=api_version,
        kind=kind,
        metadata=metadata,
        spec=None if spec is None else dict(spec),
        opts=opts,
    )
