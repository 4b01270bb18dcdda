"""Container images: whether a reference says which build it means, and where it may come from.

Owns reading references. Does not own what an image holds.
Source: the distribution specification's grammar of references; Kubernetes' documentation of image names (2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rules.finding import Finding

MOVING_TAGS: Final = frozenset({"latest", "nightly", "main", "master", "edge", "dev", "stable", "head"})
"""Tags that are pushed again; `nightly-…` with a date is not one of them."""
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_ARTIFACT_REGISTRY: Final = re.compile(
    r"(?P<location>[a-z0-9-]+)-docker\.pkg\.dev/(?P<project>[a-z][a-z0-9-]+)/(?P<name>[a-z0-9-]+)(?:/|$)"
)
DEFAULT_REGISTRY: Final = "docker.io"


@dataclass(frozen=True)
class Reference:
    """An image reference in parts; None is 'not written'."""

    repository: str
    """With its registry, `docker.io` where none is written."""
    tag: str | None
    digest: str | None


def parse(text: str) -> Reference:
    """Reads a reference; whatever is wrong with it stays in the repository's name."""
    name, _, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    repository = f"{head}{slash}{last}"
    first = repository.split("/", 1)[0]
    if "/" not in repository or not ("." in first or ":" in first or first == "localhost"):
        repository = f"{DEFAULT_REGISTRY}/{repository}"
    return Reference(repository, tag if colon else None, digest or None)


def artifact_repository(prefix: str) -> str | None:
    """The repository of Artifact Registry under which that is, by its full name; None for other registries.

    Source: Artifact Registry's documentation of repository names, LOCATION-docker.pkg.dev/PROJECT/REPOSITORY (2026). Projects
    under a domain (example.com:project) are written with one more part and not read here.
    """
    match = _ARTIFACT_REGISTRY.match(prefix)
    return (
        None
        if match is None
        else "projects/{project}/locations/{location}/repositories/{name}".format(**match.groupdict())
    )


def check_pinned(image: str, path: str, *, digest: bool = False) -> list[Finding]:
    """Whether the same reference gives the same image tomorrow; with `digest` only a digest will do."""
    reference = parse(image)
    if reference.digest is not None:
        if _DIGEST.fullmatch(reference.digest):
            return []
        return [
            Finding(
                path=path,
                value=image,
                reason="its digest is none, and no registry answers for it",
                remedy="Write @sha256: and 64 hexadecimal digits.",
                rule="pinned",
            )
        ]
    if digest:
        return [
            Finding(
                path=path,
                value=image,
                reason="a tag can be pushed again, and this environment takes digests only",
                remedy=f"Write {image}@sha256: and the digest of the build you tested.",
                rule="digest",
            )
        ]
    tag = reference.tag
    if tag and tag.lower() not in MOVING_TAGS:
        return []
    what = f"the tag {tag} moves" if tag else "without a tag it means latest"
    return [
        Finding(
            path=path,
            value=image,
            reason=f"{what}: replicas started on different days run different builds, and nothing can be rolled back to",
            remedy="Write the version you tested, such as :v0.27.0, or a digest.",
            rule="pinned",
        )
    ]


def check_registry(image: str, allowed: Iterable[str], path: str) -> list[Finding]:
    """Whether the image comes from one of the allowed prefixes, such as `us-docker.pkg.dev/project/`; none allows all."""
    prefixes = [prefix.rstrip("/") for prefix in allowed if prefix.strip("/")]
    repository = parse(image).repository
    if not prefixes or any(repository == prefix or repository.startswith(f"{prefix}/") for prefix in prefixes):
        return []
    return [
        Finding(
            path=path,
            value=image,
            reason=f"{repository} is not under a registry that this environment allows",
            remedy=f"Mirror it to one of {', '.join(prefixes)}, or add its prefix to allowedRegistries.",
            rule="registry",
        )
    ]
