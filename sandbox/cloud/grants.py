"""Roles on single resources (keys, secrets, repositories, what IAP guards), and the service agents of APIs.

Keys, secrets and repositories themselves are nobody's resources here: somebody else made them, so each is taken to exist, and
`make up` says so (`sandbox.assumptions`); the fault `notFound` makes a secret one that does not.
"""

from __future__ import annotations

from typing import Final

from typing_extensions import override

from sandbox.cloud import names
from sandbox.cloud.kind import Kind, Properties, Resource, View
from sandbox.cloud.projects import IDENTITIES, Members

_AGENTS: Final = {
    "container.googleapis.com": "container-engine-robot",
    "compute.googleapis.com": "compute-system",
    "pubsub.googleapis.com": "gcp-sa-pubsub",
    "networkservices.googleapis.com": "gcp-sa-networkactions",
    "secretmanager.googleapis.com": "gcp-sa-secretmanager",
}


class Grants(Members):
    """A role for one member on one resource."""

    def __init__(self, kind: str, api: str) -> None:
        self.type = kind
        self.api = api


class Identities(Kind):
    """Service agents: Google makes each when it is first asked for, and never removes it."""

    type = IDENTITIES
    idempotent = True

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        view.require_api(resource.project, str(resource.properties.get("service")))

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        service = str(resource.properties.get("service"))
        domain = _AGENTS.get(service, f"gcp-sa-{service.split('.', 1)[0]}")
        email = f"service-{names.number_of(resource.project)}@{domain}.iam.gserviceaccount.com"
        return {"email": email, "member": f"serviceAccount:{email}"}


KINDS: Final[tuple[Kind, ...]] = (
    Grants("cloudkms.iamMembers", "cloudkms.googleapis.com"),
    Grants("secretmanager.iamMembers", "secretmanager.googleapis.com"),
    Grants("artifactregistry.iamMembers", "artifactregistry.googleapis.com"),
    Grants("iap.webIamMembers", "iap.googleapis.com"),
    Identities(),
)
