"""What belongs to the project itself: enabled APIs, service accounts, IAM bindings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from typing_extensions import override

from sandbox.cloud import names
from sandbox.cloud.errors import CloudError, bad_request
from sandbox.cloud.kind import Kind, Properties, Resource, View

SERVICES: Final = "serviceusage.services"
ACCOUNTS: Final = "iam.serviceAccounts"
MEMBERS: Final = "cloudresourcemanager.iamMembers"
IDENTITIES: Final = "serviceusage.identities"

_ACCOUNT_ID: Final = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])$")
_ROLE: Final = re.compile(r"^(roles/[\w.]+|(projects|organizations)/[^/]+/roles/[\w.]+)$")
_MEMBER: Final = re.compile(r"^(allUsers|allAuthenticatedUsers|[a-zA-Z]+:.+)$")
_POOL_MEMBER: Final = re.compile(
    r"^(serviceAccount:|principal(Set)?://iam\.googleapis\.com/projects/\d+/locations/global/workloadIdentityPools/)"
    r"(?P<project>[^./]+)\.svc\.id\.goog(\[[^/\]]+/[^/\]]+\]|/.+)$"
)

_LATE_AGENT: Final = re.compile(r"^service-(?P<number>\d+)@gcp-sa-dep\.iam\.gserviceaccount\.com$")
_LATE_AGENT_API: Final = "networkservices.googleapis.com"
"""The agent that a project has only once its API's service identity was asked for, and that API."""

DEPENDENCIES: Final[Mapping[str, tuple[str, ...]]] = {
    "container.googleapis.com": ("compute.googleapis.com", "iam.googleapis.com"),
}
"""APIs that Service Usage enables along: those of them the sandbox checks."""


class Services(Kind):
    """Enabled APIs. They outlive the resource unless it says `disableOnDestroy`, as the real provider leaves them."""

    type = SERVICES
    idempotent = True

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        service = str(resource.properties.get("service"))
        if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", service):
            raise CloudError(403, f"Not found or permission denied for service(s): {service}.", "forbidden")

    @override
    def apply(self, view: View, resource: Resource, old: Resource | None, report: Callable[[str], None]) -> Properties:
        view.enable_api(resource.project, str(resource.properties["service"]))
        return {}

    @override
    def remove(self, view: View, resource: Resource, options: Mapping[str, Any]) -> None:
        if resource.properties.get("disableOnDestroy"):
            view.disable_api(resource.project, str(resource.properties["service"]))


class Accounts(Kind):
    """Service accounts."""

    type = ACCOUNTS
    api = "iam.googleapis.com"

    @override
    def exists_message(self, resource: Resource) -> str:
        return f"Service account {_account_id(resource)} already exists within project projects/{resource.project}."

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        account = _account_id(resource)
        if not 6 <= len(account) <= 30 or not _ACCOUNT_ID.match(account):
            raise bad_request(
                f'The account ID "{account}" does not have a length between 6 and 30, or is not made of lower-case '
                "letters, digits and dashes, starting with a letter."
            )
        if len(str(resource.properties.get("displayName") or "")) > 100:
            raise bad_request("The display name must be at most 100 characters long.")

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        email = f"{_account_id(resource)}@{resource.project}.iam.gserviceaccount.com"
        return {
            "email": email,
            "member": f"serviceAccount:{email}",
            "name": f"projects/{resource.project}/serviceAccounts/{email}",
            "uniqueId": str(names.number_of(resource.id, 21)),
            "displayName": "",
        }


def _account_id(resource: Resource) -> str:
    return str(resource.properties.get("accountId") or "")


def account_exists(view: View, project: str, email: str) -> bool:
    """Whether the service account exists; those of other projects are taken to, and of Google's all but one."""
    agent = _LATE_AGENT.match(email)
    if agent and agent["number"] == str(names.number_of(project)):
        return view.find(IDENTITIES, f"projects/{project}/services/{_LATE_AGENT_API}") is not None
    if not email.endswith(f"@{project}.iam.gserviceaccount.com"):
        return True
    return view.find(ACCOUNTS, f"projects/{project}/serviceAccounts/{email}") is not None


class Members(Kind):
    """One member's role on the project, or on one resource of it (`grants`). Granting what is granted is no conflict."""

    type = MEMBERS
    idempotent = True

    @override
    def lock(self, resource: Resource) -> str:
        return f"{self.type}|{resource.project}"

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        check_grant(view, resource)

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        return {"etag": "BwYxSandbox="}


def check_grant(view: View, resource: Resource) -> None:
    """Refuses a role or member that IAM does not know.

    Raises:
        CloudError: 400.
    """
    role, member = str(resource.properties.get("role")), str(resource.properties.get("member"))
    if not _ROLE.match(role):
        raise bad_request(f"Role {role} is not supported for this resource. Write roles/NAME or a custom role's path.")
    if not _MEMBER.match(member):
        raise bad_request(f"Invalid member '{member}'. Write TYPE:IDENTITY, such as serviceAccount:EMAIL.")
    pool = _POOL_MEMBER.match(member)
    if pool:
        if not _has_identity_pool(view, pool["project"]):
            raise bad_request(
                f"Identity Pool does not exist ({pool['project']}.svc.id.goog). Please check that you specified a "
                "valid resource name as returned in the `name` attribute in the configuration API."
            )
    elif member.startswith("serviceAccount:"):
        email = member.removeprefix("serviceAccount:")
        if not account_exists(view, resource.project, email):
            raise bad_request(f"Service account {email} does not exist.")


def _has_identity_pool(view: View, project: str) -> bool:
    for cluster in view.all("container.clusters", project):
        config = cast(dict[str, Any], cluster.properties.get("workloadIdentityConfig") or {})
        if config.get("workloadPool"):
            return True
    return False


KINDS: Final[tuple[Kind, ...]] = (Services(), Accounts(), Members())
