"""The pack's configuration without an engine to check it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pulumi_policy import EnforcementLevel

from policies.check.settings import ConfigError, load, parse
from tests.policies.check.manifests import PACK, TIMEOUT, judge, route

NAME = "httproute-features"
EXEMPTION = {"urn": "*", "reason": "Until the next release.", "owner": "a@example.com", "expires": "2999-01-01"}


@pytest.mark.parametrize(
    ("content", "errors", "warnings"),
    [
        ({}, 1, 0),
        ({NAME: "advisory"}, 0, 1),
        ({NAME: {"enforcementLevel": "advisory"}}, 0, 1),
        ({NAME: "disabled"}, 0, 0),
        ({NAME: "remediate"}, 1, 0),
        ({"all": "advisory"}, 0, 1),
        ({"all": "disabled", NAME: "mandatory"}, 1, 0),
        ({NAME: {"exemptions": [EXEMPTION]}}, 0, 1),
        ({NAME: {"exemptions": [{**EXEMPTION, "urn": "stdin:* models/qwen"}]}}, 0, 1),
        ({NAME: {"exemptions": [{**EXEMPTION, "expires": "2020-01-01"}]}}, 1, 1),
    ],
)
def test_levels_and_exemptions_count(content: Any, errors: int, warnings: int) -> None:
    """The same file serves Pulumi and the check; an exemption in use is listed as a warning."""
    result = judge(route(TIMEOUT), config=parse(content, PACK, "config.json"))
    listed = [f for f in result.findings if f.policy.name == "exemptions-in-use"]
    if content == {NAME: {"exemptions": [{**EXEMPTION, "expires": "2020-01-01"}]}}:
        assert listed[0].message.startswith("Expired: ")
    assert (result.errors, result.warnings) == (errors, warnings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "c.json: no object."),
        ({"httproute-feature": {}}, "httproute-feature: no policy of this pack; did you mean httproute-features?"),
        ({NAME: 7}, f"{NAME}.enforcementLevel is 7. Write one of advisory, disabled, mandatory, remediate."),
        ({NAME: {"enforcementLevel": "strict"}}, 'enforcementLevel is "strict"'),
        ({NAME: {"exemption": []}}, f"{NAME}.exemption: no option of this policy. It has exemptions."),
        ({NAME: {"exemptions": {}}}, f"{NAME}.exemptions is {{}}. Write a value of type array."),
        ({NAME: {"exemptions": [{}]}}, f"{NAME}.exemptions[0].urn is missing."),
        ({NAME: {"exemptions": [{**EXEMPTION, "until": "x"}]}}, "exemptions[0].until: no such key."),
        ({NAME: {"exemptions": [{**EXEMPTION, "reason": "short"}]}}, "Write at least 10 characters."),
        ({NAME: {"exemptions": [{**EXEMPTION, "expires": "Friday"}]}}, "expires is 'Friday'. Write Last day"),
        ({"tpu-node-pool": {"extraZones": [7]}}, "tpu-node-pool.extraZones[0] is 7. Write a value of type string."),
    ],
)
def test_a_wrong_configuration_is_refused_with_the_place(content: Any, message: str) -> None:
    """A typo in an exemption must not make it one for nothing."""
    with pytest.raises(ConfigError) as error:
        parse(content, PACK, "c.json")
    assert message in str(error.value)


def test_a_configuration_file_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, or no JSON: with the line."""
    with pytest.raises(ConfigError, match=r"none\.json: cannot be read: No such file"):
        load(tmp_path / "none.json", PACK)
    file = tmp_path / "bad.json"
    file.write_text('{\n  "all": }', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.json:2: no valid JSON: Expecting value"):
        load(file, PACK)
    file.write_text(json.dumps({"all": "advisory"}), encoding="utf-8")
    assert load(file, PACK).level(PACK[0]) is EnforcementLevel.ADVISORY
