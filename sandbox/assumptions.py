"""What the sandbox takes for existing: secrets, keys and repositories that a stack uses and somebody else makes.

Owns the words about it at the end of `make up`, so that nobody takes a green run for a proof that a secret is there. Does not own
the grants (`sandbox.cloud.grants`) nor a secret that is missing on order (the fault `notFound`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from sandbox import daemon
from sandbox.toolchain.progress import Progress

_GRANTS: Final[Mapping[str, tuple[str, int]]] = {
    "secretmanager.iamMembers": ("Secret Manager secret", 4),
    "cloudkms.iamMembers": ("Cloud KMS key", 8),
    "artifactregistry.iamMembers": ("Artifact Registry repository", 6),
}
"""What each kind of grant lies on, and how many parts of the grant's id are its name."""


def tell(home: Path, owned: Callable[[str], bool], progress: Progress) -> None:
    """Says in one line what the stack uses that nobody has looked for; `owned` tells whether a resource is of the stack."""
    resources: list[dict[str, Any]] = daemon.ask(home, "/resources")["resources"]
    names = taken(resource for resource in resources if resource["type"] in _GRANTS and owned(resource["id"]))
    if names:
        progress.say(
            f"note: the sandbox takes for existing, and did not look for: {', '.join(names)}. Google Cloud refuses the update "
            "where one is missing."
        )


def taken(grants: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the grants lie on, each once, in words."""
    found: dict[str, None] = {}
    for grant in grants:
        noun, parts = _GRANTS[str(grant["type"])]
        found[f"{noun} {'/'.join(str(grant['id']).split('/')[:parts])}"] = None
    return sorted(found)
