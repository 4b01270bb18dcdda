"""Every format carries every finding, is valid in its own terms, and cannot be broken by what stands in a manifest."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from policies.check.formats import FORMATS
from policies.check.result import Result
from policies.check.settings import parse
from tests.policies.check.manifests import PACK, TIMEOUT, gateway, judge, route
from tests.policies.check.sarif import faults

GLOBAL = "gke-l7-global-external-managed"
LEVELS = parse({"httproute-features": "advisory"}, PACK, "c.json")


@pytest.fixture
def result() -> Result:
    """Two errors, one warning, a document passed over, an unreadable one."""
    return judge(gateway(GLOBAL), "values: 1\n", route(TIMEOUT), "a: b: c\n", config=LEVELS)


@pytest.mark.parametrize("name", FORMATS)
def test_reports_are_deterministic_and_end_in_a_newline(name: str) -> None:
    """A diff of two reports shows what changed in the manifests, and nothing else."""
    reports = {FORMATS[name](judge(gateway(GLOBAL), route(TIMEOUT))) for _ in range(3)}
    assert len(reports) == 1
    assert reports.pop().endswith("\n")


def test_text_puts_the_place_first(result: Result) -> None:
    """Terminals and editors open FILE:LINE; the summary tells what was looked at."""
    lines = FORMATS["text"](result).splitlines()
    assert lines[0].startswith(
        "stdin:4: error: [inference-pool-class] Gateway gateways/inference: spec.gatewayClassName is"
    )
    assert lines[1] == "    inference-pool-gateway-class · critical · docs/rules/inference-pool-gateway-class.md"
    assert lines[2].startswith("stdin:14: error: [missing] HTTPRoute models/qwen: spec.rules[0].backendRefs[0] is")
    assert lines[4].startswith("stdin:15: warning: [timeouts] HTTPRoute models/qwen: spec.rules[0].timeouts is")
    assert lines[6] == "note: 1 document(s) that are no Kubernetes objects were passed over."
    assert lines[7] == "error: stdin:17: no valid YAML: mapping values are not allowed in this context."
    assert lines[8].startswith("2 errors, 1 warning; 1 problem with the input (2 objects in 1 file, ")


def test_json_has_every_field(result: Result) -> None:
    """The form that scripts rely on."""
    content = json.loads(FORMATS["json"](result))
    assert content["version"] == 1
    assert content["summary"] == {"errors": 2, "warnings": 1, "objects": 2, "files": 1, "policies": len(PACK)}
    message = content["findings"][2].pop("message")
    assert message.startswith("[timeouts] HTTPRoute models/qwen: ")
    assert content["findings"][2] == {
        "policy": "httproute-features",
        "rule": "timeouts",
        "level": "warning",
        "severity": "critical",
        "file": "stdin",
        "line": 15,
        "object": "stdin:8 models/qwen",
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "path": "spec.rules[0].timeouts",
        "page": "docs/rules/httproute-features.md",
    }
    assert content["problems"] == [
        {"file": "stdin", "line": 17, "message": "no valid YAML: mapping values are not allowed in this context."}
    ]


def test_sarif_is_what_code_scanning_takes(result: Result) -> None:
    """SARIF 2.1.0: rules described and referred to by index, a place for each result, problems as notifications."""
    log = json.loads(FORMATS["sarif"](result))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("/sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [policy.name for policy in PACK]
    for rule in rules:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", rule["name"])
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
        assert rule["defaultConfiguration"]["level"] in {"error", "warning"}
    assert [found["level"] for found in run["results"]] == ["error", "error", "warning"]
    for found in run["results"]:
        assert rules[found["ruleIndex"]]["id"] == found["ruleId"]
        place = found["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "stdin"
        assert place["region"]["startLine"] >= 1
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    assert [note["level"] for note in invocation["toolExecutionNotifications"]] == ["note", "error"]


def test_sarif_keeps_to_the_standard(result: Result) -> None:
    """Required properties, types, limits and references, and nothing that the standard does not name."""
    log = json.loads(FORMATS["sarif"](result))
    assert faults(log) == []
    (found, *_) = log["runs"][0]["results"]
    for part, wrong in (("ruleIndex", 99), ("level", "fatal"), ("message", {}), ("place", 1)):
        broken = {**log, "runs": [{**log["runs"][0], "results": [{**found, part: wrong}]}]}
        assert faults(broken), part


def test_sarif_fingerprints_stay_when_lines_move() -> None:
    """Otherwise each edit above a finding closes its alert and opens another."""

    def prints(*documents: str) -> list[Any]:
        log = json.loads(FORMATS["sarif"](judge(*documents)))
        return sorted(found["partialFingerprints"]["objectField/v1"] for found in log["runs"][0]["results"])

    one = prints(gateway(GLOBAL), route(TIMEOUT))
    assert one == prints("# a comment\n\n" + route(TIMEOUT), gateway(GLOBAL))
    assert len(set(one)) == 3


def test_junit_has_a_suite_for_each_policy(result: Result) -> None:
    """What found nothing shows as passed, what could not be read as an error."""
    root = ET.fromstring(FORMATS["junit"](result))  # noqa: S314 our own output
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == [*(policy.name for policy in PACK), "input"]
    assert (root.get("failures"), root.get("errors")) == ("2", "1")
    assert (
        root.get("tests")
        == str(sum(int(suite.get("tests", "")) for suite in root))
        == str(len(root.findall(".//testcase")))
    )
    failure = root.find(".//testsuite[@name='inference-pool-gateway-class']/testcase/failure")
    assert failure is not None
    assert failure.get("type") == "critical"
    warned = root.find(".//testsuite[@name='httproute-features']/testcase/system-out")
    assert warned is not None
    assert (warned.text or "").startswith("warning: stdin:15: [timeouts]")


def test_github_annotations_carry_file_line_and_title(result: Result) -> None:
    """One command a finding."""
    lines = FORMATS["github"](result).splitlines()
    title = "title=inference-pool-gateway-class (critical)"
    assert lines[0].startswith(
        f"::error file=stdin,line=4,{title}::[inference-pool-class] Gateway gateways/inference: "
    )
    assert lines[0].endswith("See docs/rules/inference-pool-gateway-class.md.")
    assert lines[2].startswith("::warning file=stdin,line=15,title=httproute-features (critical)::[timeouts] ")
    assert lines[3].startswith("::notice title=policy check::1 document(s)")
    assert lines[4].startswith("::error file=stdin,line=17,title=policy check::no valid YAML: mapping")


HOSTILE = 'x%\\n::error file=a,line=1::forged\\r\\x1b[2J<![CDATA[]]>&\\0\\uFFFE\\"\\u2028'
"""As a double-quoted YAML text: workflow commands, terminal escapes, markup, and what XML cannot carry."""


@pytest.mark.parametrize("name", FORMATS)
def test_what_stands_in_a_manifest_cannot_break_a_report(name: str) -> None:
    """Incident to prevent: a name in a pull request that forges or hides an annotation."""
    hostile = route(f'      timeouts: {{request: "{HOSTILE}"}}\n').replace("name: qwen", f'name: "{HOSTILE}"')
    report = FORMATS[name](judge(gateway(GLOBAL), hostile))
    assert "timeouts" in report
    assert "\x1b" not in report
    commands = [line for line in report.splitlines() if line.lstrip().startswith("::")]
    assert not [line for line in commands if line.startswith("::error file=a")]
    if name == "junit":
        assert len(ET.fromstring(report).findall(".//failure")) == 3  # noqa: S314 our own output
    elif name in {"json", "sarif"}:
        json.loads(report)
