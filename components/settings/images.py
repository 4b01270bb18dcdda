"""Where container images come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from components.settings.base import Section
from components.settings.checks import check_image
from rules.kserve_config import ENDPOINT_PICKER_IMAGE

Prefix = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9._-]+)*$")]
"""A registry with a path, such as us-east5-docker.pkg.dev/PROJECT/mirror."""
Registry = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*(:[0-9]+)?$")]
"""A registry's host, such as ghcr.io."""

DOCKER_HUB = "docker.io"


class Images(Section):
    """Where container images come from."""

    mirror: Prefix | None = None
    """A registry with a path that holds every image under its own name: ghcr.io/llm-d/x:v1 is then MIRROR/llm-d/x:v1."""
    registries: Mapping[Registry, Prefix] = {}
    """The same for one registry at a time, such as docker.io: HOST/PROJECT/hub; these count before `mirror`."""
    endpoint_picker: Annotated[str, AfterValidator(check_image)] = ENDPOINT_PICKER_IMAGE
    """The endpoint picker's image, by tag or digest; KServe writes flags and a configuration for one minor release of it."""

    def at(self, image: str) -> str:
        """`image` where it is to be pulled from."""
        host, _, path = image.partition("/")
        if not path or not ("." in host or ":" in host or host == "localhost"):
            host, path = DOCKER_HUB, image
        prefix = self.registries.get(host, self.mirror)
        return image if prefix is None else f"{prefix}/{path}"
