"""Roles on single resources, and service agents, as the official provider treats them."""

from __future__ import annotations

from typing import Final

from sandbox.gcp.iam import check_member
from sandbox.gcp.resource import ResourceType

CRYPTO_KEY_MEMBER: Final = ResourceType(
    type="gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
    kind="cloudkms.iamMembers",
    noun="IAM Members",
    id="{cryptoKeyId}/{role}/{member}",
    imports=("{cryptoKeyId} {role} {member}",),
    scope=(),
    autoname=False,
    force_new=frozenset({"cryptoKeyId", "role", "member", "condition"}),
    checks=check_member,
)

SECRET_MEMBER: Final = ResourceType(
    type="gcp:secretmanager/secretIamMember:SecretIamMember",
    kind="secretmanager.iamMembers",
    noun="IAM Members",
    id="projects/{project}/secrets/{secretId}/{role}/{member}",
    imports=("projects/{project}/secrets/{secretId} {role} {member}",),
    autoname=False,
    force_new=frozenset({"project", "secretId", "role", "member", "condition"}),
    checks=check_member,
)

REPOSITORY_MEMBER: Final = ResourceType(
    type="gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
    kind="artifactregistry.iamMembers",
    noun="IAM Members",
    id="projects/{project}/locations/{location}/repositories/{repository}/{role}/{member}",
    imports=("projects/{project}/locations/{location}/repositories/{repository} {role} {member}",),
    scope=("project", "location"),
    autoname=False,
    force_new=frozenset({"project", "location", "repository", "role", "member", "condition"}),
    checks=check_member,
)

SERVICE_IDENTITY: Final = ResourceType(
    type="gcp:projects/serviceIdentity:ServiceIdentity",
    kind="serviceusage.identities",
    noun="Service Identity",
    id="projects/{project}/services/{service}",
    autoname=False,
    force_new=frozenset({"project", "service"}),
)

TYPES: Final = (CRYPTO_KEY_MEMBER, SECRET_MEMBER, REPOSITORY_MEMBER, SERVICE_IDENTITY)
