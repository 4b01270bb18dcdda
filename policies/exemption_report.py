"""Says which exemptions were used and which are for nothing, so that tolerated findings stay visible.

Runs last in the pack: it lists what the policies before it noted in this process.
"""

from __future__ import annotations

from typing import Final

from pulumi_policy import EnforcementLevel, ReportViolation, Severity, StackValidationArgs, StackValidationPolicy

from policies.exemptions import LEDGER, today
from policies.framework import page


def _validate(_: StackValidationArgs, violate: ReportViolation) -> None:
    for exemption, urns in LEDGER.take().items():
        if urns:
            violate(f"In use: {exemption}; covers {', '.join(sorted(urns))}", None)
        elif exemption.expires < today():
            violate(f"Expired: {exemption}. Remove it, or renew it with a reason.", None)
        else:
            violate(f"Unused: {exemption}. Nothing needs it; remove it.", None)


EXEMPTIONS_IN_USE: Final = StackValidationPolicy(
    name="exemptions-in-use",
    description="Findings of this pack that are tolerated for now.",
    validate=_validate,
    enforcement_level=EnforcementLevel.ADVISORY,
    display_name="Exemptions are listed",
    severity=Severity.LOW,
    tags=["exemptions"],
    remediation_steps="Fix the cause and remove the exemption from the pack's configuration.",
    url=page("exemptions-in-use"),
)
