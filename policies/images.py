"""Does every container name a fixed build, from a registry that the environment allows?

Reads containers of every kind of workload. The image of KServe's preset is fixed by KServe's version and not a finding.
"""

from __future__ import annotations

from typing import Any, Final, cast

from pulumi_policy import Severity

from policies.framework import Report, stack_policy
from policies.pods import POD_KINDS, pod_templates
from policies.resources import Resource
from policies.routing import KINDS
from rules.image import check_pinned, check_registry
from rules.kserve_preset import PRESET_IMAGE


def _check(resources: list[Resource], report: Report) -> None:
    listed: Any = report.config.get("allowedRegistries")
    allowed = [str(item) for item in cast("list[Any]", listed)] if isinstance(listed, (list, tuple)) else []
    digest = report.config.get("requireDigest") is True
    for template in pod_templates(resources):
        for container in template.all_containers():
            image = container.at("image").of(str)
            text = image.get(str)
            if image.unknown and not container.unknown:
                report.undecided(image, "which build runs", template.resource)
            if text is None or (template.service is not None and text.startswith(f"{PRESET_IMAGE}:")):
                continue
            report.findings(check_pinned(text, image.path, digest=digest), template.resource)
            report.findings(check_registry(text, allowed, image.path), template.resource)


IMAGES: Final = stack_policy(
    name="image-pinned",
    title="Images name a fixed build from an allowed registry",
    description="A container image must carry a version or digest and come from a registry the environment allows.",
    remediation="Write the tested version or digest; mirror images into an allowed registry.",
    severity=Severity.HIGH,
    tags=["supply-chain"],
    kinds=(*dict.fromkeys((*KINDS, *POD_KINDS)),),
    check=_check,
    config={
        "allowedRegistries": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Prefixes of registry and repository; all are allowed when absent.",
        },
        "requireDigest": {"type": "boolean", "description": "Take digests only."},
    },
)
