"""A policy pack with one policy that never objects; the SDK refuses a pack without any."""

from __future__ import annotations

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)


def agree(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
    """Has nothing to say about any resource."""


PolicyPack(
    name="empty",
    enforcement_level=EnforcementLevel.ADVISORY,
    policies=[ResourceValidationPolicy(name="agree", description="Never objects.", validate=agree)],
)
