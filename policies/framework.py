"""How a policy of this pack is made: its metadata, its exemptions, and how it words what it found.

Every policy is mandatory unless it says otherwise. A policy gets plain values (`reading.py`) and a `Report`; the SDK's
own types are not seen further in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)

from policies import exemptions
from policies.inputs import INPUTS
from policies.order import Order
from policies.reading import Field, Unknown
from policies.remediation import Fix, apply, judged, wire
from policies.resources import Resource, read_resource, read_stack
from rules.finding import Finding

UNDECIDED = "undecided"
"""Rule name of every 'cannot decide at preview'."""

LOOKS_AT: Final[dict[str, frozenset[str]]] = {}
"""The kinds each policy looks at, by its name."""


def page(policy: str) -> str:
    """Where a policy is described, from the root of the repository."""
    return f"docs/rules/{policy}.md"


class Report:
    """Where a policy says what it found."""

    def __init__(
        self,
        policy: str,
        violate: ReportViolation,
        config: Mapping[str, Any],
        resources: Sequence[PolicyResource] = (),
    ) -> None:
        self.config = config
        self._resources = resources
        self._policy = policy
        self._violate = violate
        self._said: set[tuple[str, str]] = set()
        self._exemptions: list[exemptions.Exemption] = []
        self._broken: str | None = None
        if config.get("exemptions"):
            try:
                self._exemptions = exemptions.parse(policy, config)
            except (TypeError, ValueError) as error:
                self._broken = str(error)
            exemptions.LEDGER.seen(self._exemptions)

    @cached_property
    def order(self) -> Order:
        """Which resources of the stack wait for which; none in policies that judge one resource."""
        return Order(self._resources)

    def finding(self, finding: Finding, resource: Resource) -> None:
        """Reports a finding against a resource, unless an exemption in force covers it."""
        message = f"[{finding.rule}] {resource.label}: {finding.message}"
        for exemption in self._exemptions:
            if not exemption.matches(resource.urn, finding.rule):
                continue
            if exemption.expires >= exemptions.today():
                exemptions.LEDGER.used(exemption, resource.urn)
                return
            message += (
                f" (The exemption by {exemption.owner} expired on {exemption.expires}: renew it or fix the cause.)"
            )
        if self._broken is not None:
            message += f" (No exemption of this policy counts: {self._broken})"
        if (message, resource.urn) not in self._said:
            self._said.add((message, resource.urn))
            self._violate(message, resource.urn)

    def tolerates(self, rule: str, resource: Resource) -> bool:
        """Whether an exemption in force covers that rule, so that nothing may be done about it either."""
        return any(e.matches(resource.urn, rule) and e.expires >= exemptions.today() for e in self._exemptions)

    def findings(self, findings: Iterable[Finding], resource: Resource) -> None:
        """Reports several findings against one resource."""
        for finding in findings:
            self.finding(finding, resource)

    def undecided(self, field: Field, consequence: str, resource: Resource) -> None:
        """Reports that a field which matters cannot be judged; unknown is not green."""
        why = field.value.why if isinstance(field.value, Unknown) else "it cannot be read"
        self.finding(
            Finding(
                path=field.path,
                value="(unknown)",
                reason=f"cannot decide at preview {consequence}, because {why}",
                remedy="Declare it as a constant in the program or the stack's configuration.",
                rule=UNDECIDED,
            ),
            resource,
        )

    def advice(self, message: str, urn: str | None = None) -> None:
        """Says something that no exemption can turn off; for advisory policies."""
        self._violate(message, urn)


def at(finding: Finding, path: str) -> Finding:
    """The finding at another path."""
    return replace(finding, path=path)


def resource_policy(
    *,
    name: str,
    title: str,
    description: str,
    remediation: str,
    severity: Severity,
    tags: list[str],
    kinds: Iterable[str],
    check: Callable[[Resource, Report], None],
    enforcement: EnforcementLevel = EnforcementLevel.MANDATORY,
    config: Mapping[str, dict[str, Any]] | None = None,
    framework: PolicyComplianceFramework | None = None,
    fix: Fix | None = None,
) -> ResourceValidationPolicy:
    """A policy that judges one resource's inputs; `kinds` are the last parts of the type tokens it looks at.

    With `fix` it takes the level `remediate`, at which what the fix knows to be right is written into the resource.
    """
    wanted = LOOKS_AT[name] = frozenset(kinds)

    def validate(args: ResourceValidationArgs, violate: ReportViolation) -> None:
        INPUTS.saw(args.urn, args.props)
        config = args.get_config()
        resource = read_resource(args.resource_type, args.props, args.urn, args.provider, wanted)
        if resource is not None:
            check(replace(resource, parent=args.opts.parent or ""), Report(name, violate, config))
        elif config.get("exemptions"):
            Report(name, violate, config)  # an exemption is listed as unused even where nothing asked for it

    def remediate(args: ResourceValidationArgs) -> Any:
        sent = wire(args.props)
        resource = read_resource(args.resource_type, judged(sent), args.urn, args.provider, wanted)
        if resource is None or fix is None:
            return None
        report = Report(name, _unheard, args.get_config())
        changes = [change for change in fix(resource) if not report.tolerates(change.rule, resource)]
        return sent if apply(sent, changes) else None

    return ResourceValidationPolicy(
        name=name,
        description=description,
        validate=validate,
        remediate=remediate if fix is not None else None,
        enforcement_level=enforcement,
        config_schema=_schema(config),
        display_name=title,
        severity=severity,
        tags=tags,
        remediation_steps=remediation,
        framework=framework,
        url=page(name),
    )


def stack_policy(
    *,
    name: str,
    title: str,
    description: str,
    remediation: str,
    severity: Severity,
    tags: list[str],
    kinds: Iterable[str],
    check: Callable[[list[Resource], Report], None],
    enforcement: EnforcementLevel = EnforcementLevel.MANDATORY,
    config: Mapping[str, dict[str, Any]] | None = None,
    framework: PolicyComplianceFramework | None = None,
) -> StackValidationPolicy:
    """A policy that judges resources together, by their outputs or else inputs; `kinds` as in `resource_policy`."""
    wanted = LOOKS_AT[name] = frozenset(kinds)

    def validate(args: StackValidationArgs, violate: ReportViolation) -> None:
        check(read_stack(args.resources, wanted), Report(name, violate, args.get_config(), args.resources))

    return StackValidationPolicy(
        name=name,
        description=description,
        validate=validate,
        enforcement_level=enforcement,
        config_schema=_schema(config),
        display_name=title,
        severity=severity,
        tags=tags,
        remediation_steps=remediation,
        framework=framework,
        url=page(name),
    )


def _unheard(_message: str, _urn: str | None = None) -> None:
    """Where a remedy's findings go: the engine asks the policy again afterwards."""


def _schema(extra: Mapping[str, dict[str, Any]] | None) -> PolicyConfigSchema:
    return PolicyConfigSchema(properties={"exemptions": exemptions.SCHEMA, **(extra or {})})
