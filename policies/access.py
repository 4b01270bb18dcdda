"""Secrets in plain text, keys of service accounts, and rights granted too widely, in the cluster and in the project.

Reads what the stack declares; what a chart brings is its vendor's and not seen. Namespaces without a NetworkPolicy are advice,
since a program may leave those to another.
"""

from __future__ import annotations

from typing import Final

from pulumi_policy import EnforcementLevel, PolicyComplianceFramework, Severity

from policies.framework import Report, resource_policy, stack_policy
from policies.pods import POD_KINDS, pod_templates, words
from policies.reading import Field
from policies.resources import Resource
from policies.routing import KINDS
from rules import access
from rules.finding import Finding
from rules.hardening import BENCHMARK, BENCHMARK_VERSION

SERVICE_ACCOUNT_KEY: Final = "gcp:serviceaccount/key:Key"
RBAC_GROUP: Final = "rbac.authorization.k8s.io"
_ROLES: Final = ("Role", "ClusterRole")
_BINDINGS: Final = ("RoleBinding", "ClusterRoleBinding")
_IAM: Final = (
    *("IAMMember", "IAMBinding", "SecretIamMember", "SecretIamBinding", "RepositoryIamMember", "RepositoryIamBinding"),
    *("BucketIAMMember", "BucketIAMBinding", "CryptoKeyIAMMember", "CryptoKeyIAMBinding"),
    *("WebIamMember", "WebIamBinding", "WebTypeComputeIamMember", "WebTypeComputeIamBinding"),
    *("WebBackendServiceIamMember", "WebBackendServiceIamBinding"),
    *("WebRegionBackendServiceIamMember", "WebRegionBackendServiceIamBinding"),
)


def _framework(reference: str) -> PolicyComplianceFramework:
    return PolicyComplianceFramework(name=BENCHMARK, version=BENCHMARK_VERSION, reference=reference)


def _check_secrets(resources: list[Resource], report: Report) -> None:
    for template in pod_templates(resources):
        for container in template.all_containers():
            for env in container.at("env").items():
                name, value = env.at("name").get(str), env.at("value").get(str)
                if name is not None and value is not None:
                    report.findings(
                        access.check_literal(name, value, f"{container.path}.env[{name}]"), template.resource
                    )
            fields = words(container)
            texts = [field.get(str) for field in fields]
            for field, text, following in zip(fields, texts, [*texts[1:], None], strict=False):
                if text is not None:
                    report.findings(access.check_flag(text, following, field.path), template.resource)


def _check_keys(resource: Resource, report: Report) -> None:
    if resource.token == SERVICE_ACCOUNT_KEY:
        report.finding(access.service_account_key(), resource)


def _check_grants(resource: Resource, report: Report) -> None:
    if resource.group == RBAC_GROUP and resource.kind in _ROLES:
        for rule in resource.at("rules").items():
            if rule.unknown or any(rule.at(name).unknown for name in ("resources", "verbs")):
                report.undecided(rule, "what the role grants", resource)
                continue
            findings = access.check_rule(
                _texts(rule.at("apiGroups")),
                _texts(rule.at("resources")),
                _texts(rule.at("verbs")),
                named=not rule.at("resourceNames").missing,
                everywhere=resource.kind == "ClusterRole",
                path=rule.path,
            )
            report.findings(findings, resource)
    elif resource.group == RBAC_GROUP and resource.kind in _BINDINGS:
        subjects = [subject.at("name").get(str) or "" for subject in resource.at("subjects").items()]
        everywhere = resource.kind == "ClusterRoleBinding"
        role = resource.at("roleRef", "name").of(str)
        if everywhere and role.unknown:
            report.undecided(role, "what is granted", resource)
        report.findings(access.check_binding(role.get(str) if everywhere else None, subjects), resource)
    elif resource.token.startswith("gcp:") and resource.kind in _IAM:
        member = resource.at("member")
        field = "members" if member.missing else "member"
        members = _texts(resource.at("members")) if member.missing else [member.get(str) or ""]
        role = resource.at("role").of(str)
        if role.unknown:
            report.undecided(role, "what is granted", resource)
        report.findings(access.check_iam(role.get(str), members, field), resource)


def _texts(field: Field) -> list[str]:
    return [text for item in field.items() if (text := item.get(str)) is not None]


def _check_network_policies(resources: list[Resource], report: Report) -> None:
    covered = {resource.namespace for resource in resources if resource.kind == "NetworkPolicy"}
    if any(not isinstance(namespace, str) for namespace in covered):
        return
    for resource in resources:
        if (
            resource.kind == "Namespace"
            and resource.group == ""
            and resource.token.startswith("kubernetes:")
            and resource.name not in covered
        ):
            report.finding(
                Finding(
                    path="metadata.name",
                    value=str(resource.name),
                    reason="no NetworkPolicy of the stack is in this namespace, so every pod of the cluster reaches its pods "
                    "(CIS GKE 1.9, 4.3.2)",
                    remedy="Declare one that allows the load balancer's ranges and its own pods, and denies the rest.",
                    rule="network-policy",
                ),
                resource,
            )


LITERAL_SECRETS: Final = stack_policy(
    name="literal-secrets",
    title="No secret stands in a pod's declaration",
    description="Tokens and passwords must come from a Secret or Secret Manager, not from env values or arguments.",
    remediation="Write valueFrom.secretKeyRef or mount the secret, and replace the one that was written down.",
    severity=Severity.CRITICAL,
    tags=["security", "secrets"],
    kinds=(*dict.fromkeys((*KINDS, *POD_KINDS)),),
    check=_check_secrets,
    framework=_framework("4.4.1"),
)

SERVICE_ACCOUNT_KEYS: Final = resource_policy(
    name="service-account-keys",
    title="Service accounts have no keys",
    description="A service account's key cannot be bound to a place or a time; identities federate instead.",
    remediation="Use Workload Identity in the cluster and Workload Identity Federation outside it.",
    severity=Severity.HIGH,
    tags=["security", "iam"],
    kinds=["Key"],
    check=_check_keys,
    framework=_framework("5.2.1"),
)

SCOPED_RIGHTS: Final = resource_policy(
    name="scoped-rights",
    title="Rights are granted by name, to somebody",
    description="Roles must not use wildcards or read Secrets everywhere, nor may everybody be granted anything.",
    remediation="List resources and verbs, use Roles in one namespace, and name subjects and members.",
    severity=Severity.HIGH,
    tags=["security", "iam", "rbac"],
    kinds=[*_ROLES, *_BINDINGS, *_IAM],
    check=_check_grants,
    framework=_framework("4.1.1, 4.1.2, 4.1.3, 4.1.8, 4.1.9, 4.1.10, 5.2.1"),
)

NETWORK_POLICIES: Final = stack_policy(
    name="namespace-network-policy",
    title="Namespaces have a NetworkPolicy",
    description="In a namespace without NetworkPolicies every pod of the cluster reaches every other.",
    remediation="Declare a NetworkPolicy per namespace that allows the load balancer and denies the rest.",
    severity=Severity.LOW,
    tags=["security", "network"],
    kinds=["Namespace", "NetworkPolicy"],
    check=_check_network_policies,
    enforcement=EnforcementLevel.ADVISORY,
    framework=_framework("4.3.2"),
)
