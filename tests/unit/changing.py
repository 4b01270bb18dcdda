"""Changes to the settings of dev, and the message that a person reads about them. No fixtures, no tests."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from components.loading import SettingsError, parse
from tests.committed import one_slice

DELETE = object()


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The settings of `one_slice` with values set at dotted paths, such as `models.0.name`; DELETE removes one."""
    settings: Any = one_slice()
    for path, value in changes:
        *above, last = (int(part) if part.isdigit() else part for part in path.split("."))
        section = settings
        for part in above:
            section = section.setdefault(part, {}) if isinstance(part, str) else section[part]
        if value is DELETE:
            del section[last]
        elif isinstance(last, int) and last == len(section):
            section.append(copy.deepcopy(value))
        else:
            section[last] = value
    return settings


def refusal(settings: Any) -> str:
    """The message for settings that cannot be used."""
    with pytest.raises(SettingsError) as raised:
        parse(settings, stack="dev", project="gke-tpu-inference")
    return str(raised.value)


def problem(*changes: tuple[str, Any]) -> str:
    """The one problem with the changed settings."""
    head, *problems = refusal(changed(*changes)).split("\n")
    assert head == "1 setting in Pulumi.dev.yaml cannot be used; nothing was created."
    assert len(problems) == 1, problems
    return problems[0].removeprefix("  ")


ANY_MODEL = one_slice()["models"][0]
ANY_POOL = one_slice()["tpuPools"][0]
