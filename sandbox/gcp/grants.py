"""Roles on single resources, and service agents, as the official provider treats them.

What a role lies on is taken to exist (`sandbox.cloud.grants`).
"""

from __future__ import annotations

from typing import Final

from sandbox.gcp.iam import member_of
from sandbox.gcp.resource import ResourceType

CRYPTO_KEY_MEMBER: Final = member_of(
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember", "cloudkms.iamMembers", "{cryptoKeyId}", scope=()
)

SECRET_MEMBER: Final = member_of(
    "gcp:secretmanager/secretIamMember:SecretIamMember",
    "secretmanager.iamMembers",
    "projects/{project}/secrets/{secretId}",
)

REPOSITORY_MEMBER: Final = member_of(
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
    "artifactregistry.iamMembers",
    "projects/{project}/locations/{location}/repositories/{repository}",
    scope=("project", "location"),
)

WEB_MEMBER: Final = member_of("gcp:iap/webIamMember:WebIamMember", "iap.webIamMembers", "projects/{project}/iap_web")

SERVICE_IDENTITY: Final = ResourceType(
    type="gcp:projects/serviceIdentity:ServiceIdentity",
    kind="serviceusage.identities",
    noun="Service Identity",
    id="projects/{project}/services/{service}",
    autoname=False,
    force_new=frozenset({"project", "service"}),
)

TYPES: Final = (CRYPTO_KEY_MEMBER, SECRET_MEMBER, REPOSITORY_MEMBER, WEB_MEMBER, SERVICE_IDENTITY)
