"""Rights and secrets: what RBAC and IAM grant too widely, and secrets that stand where anybody can read them.

Owns the judgement of single grants and of names that mean a secret. Sources: CIS GKE Benchmark v1.9.0 sections 4.1, 4.4 and 5.2;
GKE's guide to RBAC (2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from rules.finding import Finding

EVERYBODY: Final = {"system:anonymous": "4.1.8", "system:unauthenticated": "4.1.9", "system:authenticated": "4.1.10"}
PUBLIC_MEMBERS: Final = ("allUsers", "allAuthenticatedUsers")
BROAD_ROLES: Final = ("roles/owner", "roles/editor")
READING: Final = frozenset({"get", "list", "watch", "*"})
_SECRET_NAME: Final = re.compile(
    r"(^|[_-])(token|passw(or)?d|secret|api_?key|private_?key|access_?key|credentials?)($|[_-](key|value)$)",
    re.IGNORECASE,
)
_SECRET_FLAG: Final = re.compile(r"--(api-key|hf-token|token|password)(=(?P<value>.+))?$")
_REFERENCE: Final = re.compile(r"\$\(\w+\)|\$\{?\w+\}?|\{\{.*\}\}|/.*")
"""Not a secret itself: an expansion, a template, a path."""


def is_secret_name(name: str) -> bool:
    """Whether an environment variable of that name holds a secret; names of files and booleans do not."""
    return _SECRET_NAME.search(name) is not None


def check_literal(name: str, value: str, path: str) -> list[Finding]:
    """Whether a variable that names a secret holds it in plain text."""
    if not value or not is_secret_name(name) or _REFERENCE.fullmatch(value) or value.lower() in {"true", "false"}:
        return []
    return [_literal(path, name)]


def check_flag(argument: str, following: str | None, path: str) -> list[Finding]:
    """Whether an argument hands a secret over on the command line."""
    match = _SECRET_FLAG.fullmatch(argument)
    value = None if match is None else match.group("value") or following
    if match is None or not value or _REFERENCE.fullmatch(value) or value.startswith("-"):
        return []
    return [_literal(path, f"--{match.group(1)}")]


def _literal(path: str, name: str) -> Finding:
    return Finding(
        path=path,
        value=f"{name}, in plain text",
        reason="whoever may read pods, the program or the stack's state reads the secret (CIS GKE 1.9, 4.4.1)",
        remedy="Write valueFrom.secretKeyRef, or mount it from Secret Manager, and replace the secret: it is known by now.",
        rule="literal-secret",
    )


def check_rule(
    groups: Iterable[str], resources: Iterable[str], verbs: Iterable[str], *, named: bool, everywhere: bool, path: str
) -> list[Finding]:
    """One rule of a Role; `named` is whether resourceNames narrow it, `everywhere` whether it is a ClusterRole's."""
    kinds, actions = set(resources), set(verbs)
    findings: list[Finding] = []
    for name, values in (("resources", kinds), ("verbs", actions)):
        if "*" in values:
            findings.append(
                Finding(
                    path=f"{path}.{name}",
                    value="*",
                    reason="it grants what does not exist yet as well, reading Secrets included (CIS GKE 1.9, 4.1.3)",
                    remedy=f"List the {name} that are needed.",
                    rule="wildcard",
                )
            )
    if everywhere and not named and "secrets" in kinds and actions & READING and set(groups) & {"", "*"}:
        findings.append(
            Finding(
                path=f"{path}.resources",
                value="secrets",
                reason="it reads the Secrets of every namespace, certificates and tokens of controllers included (CIS GKE 1.9, "
                "4.1.2)",
                remedy="Write a Role in the one namespace, with resourceNames.",
                rule="secret-read",
            )
        )
    return findings


def check_binding(role: str | None, subjects: Iterable[str], path: str = "subjects") -> list[Finding]:
    """Whether a binding gives rights to everybody, or all rights to somebody."""
    findings = [
        Finding(
            path=path,
            value=subject,
            reason=f"everybody who reaches the control plane gets the role (CIS GKE 1.9, {EVERYBODY[subject]})",
            remedy="Name the service account or group that needs it.",
            rule="public-grant",
        )
        for subject in sorted(set(subjects) & set(EVERYBODY))
    ]
    if role == "cluster-admin":
        findings.append(
            Finding(
                path="roleRef.name",
                value=role,
                reason="whoever takes that account over owns the cluster (CIS GKE 1.9, 4.1.1)",
                remedy="Write a role with the rights that are needed.",
                rule="cluster-admin",
            )
        )
    return findings


def check_iam(role: str | None, members: Iterable[str], field: str) -> list[Finding]:
    """Whether an IAM grant on Google Cloud is too wide; `field` is `member` or `members`."""
    findings = [
        Finding(
            path=field,
            value=member,
            reason="everybody on the internet gets the role",
            remedy="Name the service account or group that needs it.",
            rule="public-grant",
        )
        for member in members
        if member in PUBLIC_MEMBERS
    ]
    if role in BROAD_ROLES:
        findings.append(
            Finding(
                path="role",
                value=role,
                reason="a basic role changes almost everything in the project (CIS GKE 1.9, 5.2.1)",
                remedy="Write the predefined roles that are needed.",
                rule="basic-role",
            )
        )
    return findings


def service_account_key() -> Finding:
    """The finding for a key of a service account."""
    return Finding(
        path="serviceAccountId",
        value="a key",
        reason="a key works from everywhere, for ever, for whoever copies it, and stands in the stack's state",
        remedy="Use Workload Identity in the cluster and Workload Identity Federation outside it.",
        rule="service-account-key",
    )
