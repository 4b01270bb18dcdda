"""Where container images come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from components.settings.base import Section
from components.settings.checks import check_image
from rules.kserve import IMAGE_SCHEME
from rules.product_images import ENDPOINT_PICKER, ROUTING_SIDECAR

Prefix = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9._-]+)*$")]
"""A registry with a path, such as us-east5-docker.pkg.dev/PROJECT/mirror."""
Registry = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*(:[0-9]+)?$")]
"""A registry's host, such as ghcr.io."""

DOCKER_HUB = "docker.io"


class Images(Section):
    """Where container images come from."""

    mirror: Prefix | None = None
    """A registry with a path that holds every image under its own name: ghcr.io/llm-d/x:v1 is then MIRROR/llm-d/x:v1. One in
    Artifact Registry needs no credentials: name it under cluster.artifactRepositories; another private one needs
    secrets.imagePull. docs/images.md lists what it has to hold."""
    registries: Mapping[Registry, Prefix] = {}
    """The same for one registry at a time, such as docker.io: HOST/PROJECT/hub; these count before `mirror`."""
    endpoint_picker: Annotated[str, AfterValidator(check_image)] = ENDPOINT_PICKER
    """The endpoint picker's image, by tag or digest; KServe writes flags and a configuration for one minor release of it."""
    routing_sidecar: Annotated[str, AfterValidator(check_image)] = ROUTING_SIDECAR
    """The image beside servers of models with prefill servers, by tag or digest, of the endpoint picker's minor release."""

    def at(self, image: str) -> str:
        """`image` where it is to be pulled from."""
        host, _, path = image.partition("/")
        if not path or not ("." in host or ":" in host or host == "localhost"):
            host, path = DOCKER_HUB, image
        prefix = self.registries.get(host, self.mirror)
        return image if prefix is None else f"{prefix}/{path}"

    def weights_at(self, uri: str) -> str:
        """The address of weights, and where they are in an image, from where that is to be pulled."""
        image = uri.removeprefix(IMAGE_SCHEME)
        return uri if image == uri else f"{IMAGE_SCHEME}{self.at(image)}"
