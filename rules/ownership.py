"""Labels by which what Cloud Monitoring numbers is known again: the service draws the names, and display names are anybody's.

Owns the labels' form and how they are read back. A label says whose resource it is in words, cut to fit, and ends in a hash of
all of them, so that no two resources of one or of several stacks share it. Sources, read 2026-11: google.monitoring.v3,
`user_labels` of AlertPolicy and NotificationChannel; google.monitoring.dashboard.v1, `labels` of Dashboard, of which the API
says no more than that they are texts by text: public programs (chainguard-dev/terraform-infra-common, modules/dashboard) write
what a label says as its key and leave the value empty.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final, cast

LONGEST: Final = 63
"""Characters of a label's key, and of its value."""
KEY: Final = re.compile(r"[a-z][a-z0-9_-]*")
VALUE: Final = re.compile(r"[a-z0-9_-]*")

STACK: Final = "pulumi_stack"
"""Key of the user label that all resources of a stack share."""
RESOURCE: Final = "pulumi_resource"
"""Key of the user label of one resource, and how that of a dashboard begins."""

_HASH: Final = 16
"""Hexadecimal digits: 64 bits."""
_SHOWN: Final = LONGEST - len(RESOURCE) - len("--") - _HASH


def user_labels(project: str, stack: str, name: str) -> dict[str, str]:
    """Labels of the alert policy or notification channel `name` in a stack of the Pulumi project `project`."""
    return {
        STACK: _mark(f"{project}-{stack}", project, stack),
        RESOURCE: _mark(name, project, stack, name),
    }


def dashboard_labels(project: str, stack: str, name: str) -> dict[str, str]:
    """Labels of the dashboard `name`: the same mark, as a key."""
    return {f"{RESOURCE}-{_mark(name, project, stack, name)}": ""}


def mark_in(labels: object) -> str | None:
    """What labels of either form say whose resource it is; None where they do not."""
    if not isinstance(labels, Mapping):
        return None
    texts = cast("Mapping[str, object]", labels)
    if mark := texts.get(RESOURCE):
        return str(mark)
    return next((key.removeprefix(f"{RESOURCE}-") for key in sorted(texts) if key.startswith(f"{RESOURCE}-")), None)


def _mark(shown: str, *names: str) -> str:
    digest = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:_HASH]
    plain = re.sub(r"[^a-z0-9_]+", "-", shown.lower())
    return f"{plain[:_SHOWN].strip('-')}-{digest}"
