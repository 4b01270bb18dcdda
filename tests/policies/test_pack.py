"""The pack as a whole: complete, mandatory, deterministic, robust, and served by the real SDK."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import EnforcementLevel, Policy, StackValidationPolicy

from policies.framework import LOOKS_AT
from policies.pack import NAME, POLICIES
from tests.policies.cases import CASES
from tests.policies.harness import UNKNOWN, Made, run
from tests.policies.objects import GLOBAL, cluster, gateway, good_stack, health, llm, node_pool, route, subnet

ROOT = Path(__file__).resolve().parents[2]
COVERED_BY_THE_REST = {"backend-health-check"}
"""Policies whose failing stack is right as soon as the rest of a right stack stands beside it."""
ADVISORY = {
    "namespace-pod-security",
    "tpu-not-listed",
    "graceful-shutdown",
    "public-plain-http",
    "hardening-advised",
    "cmek-default-pool",
    "pod-security-restricted",
    "namespace-network-policy",
    "deletion-protection",
    "alert-scope",
    "model-size-unknown",
    "placeholders-left",
    "exemptions-in-use",
}
"""The policies that may let a deployment through; everything else blocks."""

BAD: dict[str, list[Made]] = {
    "cluster-gateway-api": [cluster(gatewayApiConfig=None)],
    "tpu-node-pool": [node_pool(nodeLocations=["us-central1-a"])],
    "tpu-not-listed": [node_pool(nodeLocations=["us-south1-a"])],
    "httproute-features": [route(rule={"timeouts": {"request": "0s"}})],
    "health-check-policy": [health(timeoutSec=30)],
    "inference-pool-gateway-class": [gateway(GLOBAL), route()],
    "backend-health-check": [gateway(), route()],
    "kserve-managed-route": [llm({"route": {"http": {}}})],
    "proxy-only-subnet": [gateway(), subnet(purpose="PRIVATE")],
    "tpu-workload": [llm(template={"containers": [{"resources": {"limits": {"google.com/tpu": 3}}}]})],
    **{
        name: list(next(case.stack for case in cases if case.kind == "fail" and case.config is None))
        for name, cases in CASES.items()
    },
}


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
def test_a_right_stack_passes(policy: Policy) -> None:
    """The platform this project declares is not in the way of its own policies."""
    assert not run(policy, *good_stack()).violations


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
def test_every_policy_has_metadata_and_blocks(policy: Policy) -> None:
    """A reader learns title, severity, tags and the way out; only the named advisory policies do not block."""
    assert re.fullmatch(r"[a-z][a-z0-9-]+", policy.name)
    assert policy.display_name
    assert policy.description.endswith(".")
    assert policy.remediation_steps
    assert policy.severity is not None
    assert policy.tags
    expected = EnforcementLevel.ADVISORY if policy.name in ADVISORY else EnforcementLevel.MANDATORY
    assert policy.enforcement_level == expected


def test_every_policy_module_is_in_the_pack_and_every_policy_has_a_failing_fixture() -> None:
    """A policy that nobody registered, or that nothing ever fails, protects nobody."""
    assert {p.name for p in POLICIES} == {*BAD, "exemptions-in-use"}
    declared = re.findall(
        r"^\w+: Final = (?:resource_policy|stack_policy|StackValidationPolicy)\(", _sources(), re.MULTILINE
    )
    assert len(declared) == len(POLICIES)
    assert POLICIES[-1].name == "exemptions-in-use"


def _sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "policies").glob("*.py")))


@pytest.mark.parametrize("name", list(BAD))
def test_a_violation_names_resource_field_reason_and_remedy(name: str) -> None:
    """Messages are what people get at 3 a.m."""
    for message, urn in run(by_name(name), *BAD[name]).violations:
        assert re.match(r"\[[a-z-]+\] \w+ ['\w/.-]+: \S+ is ", message), message
        assert message.endswith(".")
        assert urn is not None


def by_name(name: str) -> Policy:
    """A policy of the pack."""
    return next(p for p in POLICIES if p.name == name)


@pytest.mark.parametrize("name", list(BAD))
def test_the_verdict_does_not_depend_on_order_or_run(name: str) -> None:
    """The engine orders resources as it likes, and asks twice per update."""
    stack = [*BAD[name], *[made for made in good_stack() if made.urn not in {bad.urn for bad in BAD[name]}]]
    expected = sorted(map(str, run(by_name(name), *stack).violations))
    assert expected or name in COVERED_BY_THE_REST
    for turn in range(len(stack)):
        turned = [*stack[turn:], *stack[:turn]]
        assert sorted(map(str, run(by_name(name), *reversed(turned)).violations)) == expected


def exemption(**changes: str) -> dict[str, Any]:
    """Configuration with one exemption that fits the global Gateway."""
    entry = {
        "urn": "*::inference",
        "reason": "Moves to regional on Friday.",
        "owner": "serving@example.com",
        "expires": "2999-01-01",
    }
    return {"exemptions": [{**entry, **changes}]}


def test_an_exemption_in_force_turns_its_finding_off_and_is_listed() -> None:
    """Tolerated is not forgotten."""
    listing = by_name("exemptions-in-use")
    run(listing)
    assert not run(by_name("inference-pool-gateway-class"), gateway(GLOBAL), route(), config=exemption()).violations
    assert run(listing).only.startswith(
        "In use: inference-pool-gateway-class for *::inference (rule *): Moves to regional"
    )
    assert not run(listing).violations


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (exemption(expires="2020-01-01"), "expired on 2020-01-01: renew it or fix the cause"),
        (exemption(urn="*::other"), None),
        (exemption(rule="undecided"), None),
        (exemption(expires="Friday"), "exemptions[0].expires is 'Friday', which is no date"),
        (exemption(owner=" "), "exemptions[0].owner is missing"),
        ({"exemptions": "all"}, "exemptions is no list"),
    ],
)
def test_exemptions_that_do_not_count(config: dict[str, Any], text: str | None) -> None:
    """Expired, aimed elsewhere, or incomplete: the finding blocks and says which."""
    message = run(by_name("inference-pool-gateway-class"), gateway(GLOBAL), route(), config=config).only
    assert text is None or text in message


@pytest.mark.parametrize(("expires", "text"), [("2999-01-01", "Unused: "), ("2020-01-01", "Expired: ")])
def test_exemptions_for_nothing_are_listed(expires: str, text: str) -> None:
    """Also those of a resource policy that found no resource of its kind."""
    listing = by_name("exemptions-in-use")
    run(listing)
    run(by_name("httproute-features"), cluster(), config=exemption(expires=expires))
    assert run(listing).only.startswith(f"{text}httproute-features for *::inference")


@pytest.mark.parametrize("junk", [UNKNOWN, None, "x", 7, True, [], [UNKNOWN], {}, {"a": [1, "b", None]}], ids=repr)
@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
def test_junk_anywhere_neither_crashes_a_policy_nor_escapes_it(policy: Policy, junk: Any) -> None:
    """An exception would end the deployment without a reason, an escaped unknown would disarm the policy."""
    stack = good_stack()
    for made in stack:
        if made.token.rsplit(":", 1)[-1] not in LOOKS_AT.get(policy.name, ()):
            continue
        rest = [other for other in stack if other is not made] if isinstance(policy, StackValidationPolicy) else []
        for props in _with_junk(made.props, junk):
            run(policy, Made(made.token, made.name, props), *rest)


def _with_junk(value: Any, junk: Any) -> Iterator[Any]:
    """Every copy of `value` with one place in it replaced."""
    if isinstance(value, dict):
        for key in value:
            yield {**value, key: junk}
            yield from ({**value, key: inner} for inner in _with_junk(value[key], junk))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield [*value[:index], junk, *value[index + 1 :]]
            yield from ([*value[:index], inner, *value[index + 1 :]] for inner in _with_junk(item, junk))


@pytest.fixture(scope="module")
def analyzer() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack as the engine starts it: its own directory, its own process, asked over gRPC."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(ROOT / "policies")],
        cwd=ROOT / "policies",
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdecimal(), port
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.kill()
        process.communicate()


def struct(props: dict[str, Any]) -> struct_pb2.Struct:
    """Properties as they travel."""
    return json_format.ParseDict(json.loads(json.dumps(props)), struct_pb2.Struct())


def test_the_engine_sees_every_policy(analyzer: analyzer_pb2_grpc.AnalyzerStub) -> None:
    """Name and policies of the pack arrive with their levels."""
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty())
    assert info.name == NAME
    assert [p.name for p in info.policies] == [p.name for p in POLICIES]


def test_no_unknown_reaches_the_sdk(analyzer: analyzer_pb2_grpc.AnalyzerStub) -> None:
    """Incident to prevent: 'can't run policy' is the SDK's way of letting a mandatory policy pass with a note."""
    stack = [*good_stack(), gateway(UNKNOWN, name="second"), route(UNKNOWN, name="unknown"), llm(UNKNOWN)]
    resources = [
        analyzer_pb2.AnalyzerResource(type=m.token, name=m.name, urn=m.urn, properties=struct(m.props)) for m in stack
    ]
    response = analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources))
    for made in stack:
        single = analyzer.Analyze(
            analyzer_pb2.AnalyzeRequest(type=made.token, name=made.name, urn=made.urn, properties=struct(made.props))
        )
        response.diagnostics.extend(single.diagnostics)
    assert not [d.message for d in response.diagnostics if "can't run policy" in d.message]
    assert {d.policyName for d in response.diagnostics} >= {"inference-pool-gateway-class", "backend-health-check"}
    assert all(d.enforcementLevel == analyzer_pb2.MANDATORY for d in response.diagnostics)
