"""The Kubernetes resource types of this program that are no manifests: the SDK's classes to the type checker, else light ones.

Owns the list of them. Why they are light, and how to run with the SDK's, stands in `light.py`; manifests in `manifests.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from components.light import FULL_SDK, LightProvider, LightResource

__all__ = ["SDK", "Provider", "Release"]

SDK: Final = "pulumi_kubernetes"

if TYPE_CHECKING or os.environ.get(FULL_SDK):
    from pulumi_kubernetes.helm.v3.Release import Release
    from pulumi_kubernetes.provider import Provider
else:

    class Provider(LightProvider):
        """The cluster in which objects are made."""

        sdk = SDK
        provides = "kubernetes"

    class Release(LightResource):
        """A Helm release."""

        sdk = SDK
        resource_type = "kubernetes:helm.sh/v3:Release"
        fixed: ClassVar[Mapping[str, Any]] = {"compat": "true"}
