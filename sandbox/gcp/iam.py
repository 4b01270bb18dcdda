"""Service accounts and IAM bindings as the official provider treats them."""

from __future__ import annotations

import re
from typing import Final

from sandbox.gcp.resource import Properties, ResourceType, known


def _account(inputs: Properties) -> list[tuple[str, str]]:
    account = inputs.get("accountId")
    if known(account) and not re.fullmatch(r"[a-z](?:[-a-z0-9]{4,28}[a-z0-9])", str(account)):
        pattern = '"^[a-z](?:[-a-z0-9]{4,28}[a-z0-9])$"'
        return [("accountId", f'"account_id" ("{account}") doesn\'t match regexp {pattern}: write 6 to 30 characters')]
    return []


def _check_member(inputs: Properties) -> list[tuple[str, str]]:
    """Whether the member of a grant reads like one."""
    member = inputs.get("member")
    if known(member) and re.fullmatch(r"(all(Authenticated)?Users)|(.+:.+)", str(member)) is None:
        return [
            ("member", f"invalid value for member, got '{member}': write TYPE:IDENTITY, such as serviceAccount:EMAIL")
        ]
    return []


def member_of(token: str, kind: str, path: str, *, scope: tuple[str, ...] = ("project",)) -> ResourceType:
    """One member's role on what stands at `path`, whose inputs are in braces; another member, role or place is another grant."""
    return ResourceType(
        type=token,
        kind=kind,
        noun="IAM Members",
        id=f"{path}/{{role}}/{{member}}",
        imports=(f"{path} {{role}} {{member}}",),
        scope=scope,
        autoname=False,
        force_new=frozenset({*re.findall(r"{(\w+)}", path), "role", "member", "condition"}),
        checks=_check_member,
    )


ACCOUNT: Final = ResourceType(
    type="gcp:serviceaccount/account:Account",
    kind="iam.serviceAccounts",
    noun="service account",
    id="projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com",
    autoname=False,
    required=("accountId",),
    defaults={"createIgnoreAlreadyExists": False},
    force_new=frozenset({"accountId", "project"}),
    computed=frozenset({"displayName"}),
    checks=_account,
)

IAM_MEMBER: Final = member_of("gcp:projects/iAMMember:IAMMember", "cloudresourcemanager.iamMembers", "{project}")

TYPES: Final = (ACCOUNT, IAM_MEMBER)
