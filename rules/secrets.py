"""Secrets of Secret Manager in a GKE cluster: how they get there, and what a secret looks like that stands in plain text.

Owns names, APIs and the recognition of tokens. Sources: GKE's guide to synchronising secrets to Kubernetes Secrets (2026:
secret-sync.gke.io/v1, GKE 1.33 or newer, one page says 1.34); Workload Identity Federation's principal identifiers.
"""

from __future__ import annotations

import re
from typing import Final

API: Final = "secretmanager.googleapis.com"
ACCESSOR_ROLE: Final = "roles/secretmanager.secretAccessor"
MINIMUM_SYNC: Final = "1.34"
"""GKE version from which clusters synchronise secrets, by the later of the two that Google names."""

PROVIDER_CLASS_API_VERSION: Final = "secrets-store.csi.x-k8s.io/v1"
PROVIDER_CLASS: Final = "SecretProviderClass"
SYNC_API_VERSION: Final = "secret-sync.gke.io/v1"
SYNC: Final = "SecretSync"
WRITTEN: Final = "{.status.lastSuccessfulSyncTime}"
"""JSONPath of what a SecretSync has once its Secret is written. Its conditions do not say so in one way: the controller calls
them Create or Update, by its version and by what it did last (kubernetes-sigs/secrets-store-sync-controller,
internal/controller, 2026); this field is in GKE's v1, set with the first success, and stays."""
PROVIDER: Final = "gke"
SYNC_ACCOUNT: Final = "secret-sync"
"""Service account in the models' namespace that reads the secrets; no pod runs as it."""

HUGGING_FACE: Final = "hugging-face-token"
"""The Kubernetes Secret with the Hugging Face token, in the models' namespace."""
HUGGING_FACE_KEY: Final = "HF_TOKEN"
"""Its key, and the environment variable that Hugging Face's libraries read."""
DOCKER_TYPE: Final = "kubernetes.io/dockerconfigjson"
DOCKER_KEY: Final = ".dockerconfigjson"
OPAQUE: Final = "Opaque"

SECRET_NAME: Final = re.compile(r"(?:projects/(?P<project>[^/\s]+)/secrets/)?(?P<secret>[A-Za-z0-9_-]{1,255})")
_TOKEN: Final = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}|\bdckr_pat_[\w-]{20,}"
    r"|\bAIza[\w-]{30,}|\bya29\.[\w.-]{20,}|\bsk-[A-Za-z0-9_-]{20,}|\bxox[abprs]-[\w-]{10,}|\bAKIA[A-Z0-9]{16}\b"
    r"|\bnvapi-[\w-]{20,}|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)


def token_in(text: str) -> str | None:
    """The beginning of a token or key that stands in `text`; None when there is none. Never the whole of it."""
    match = _TOKEN.search(text)
    return None if match is None else f"{match.group()[:4]}…"


def version_name(project: str, secret: str, version: str) -> str:
    """The full name of a version of a secret, whose own name may be a full one already."""
    match = SECRET_NAME.fullmatch(secret)
    owner = (match["project"] if match else None) or project
    return f"projects/{owner}/secrets/{secret.rsplit('/', 1)[-1]}/versions/{version}"


def account_principal(number: str, project: str, namespace: str, account: str) -> str:
    """The IAM member that is one Kubernetes service account of the project's clusters."""
    pool = f"projects/{number}/locations/global/workloadIdentityPools/{project}.svc.id.goog"
    return f"principal://iam.googleapis.com/{pool}/subject/ns/{namespace}/sa/{account}"
