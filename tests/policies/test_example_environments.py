"""The example environments pass the pack at the levels of their configuration, at their first preview and in an update."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pulumi_policy import EnforcementLevel

from policies.check.settings import load
from policies.pack import POLICIES
from sandbox.home import CHECKOUT
from tests.components.recording import KEY, build
from tests.policies.harness import Made, declared, run

STACKS = {path.name.split(".")[1]: path for path in CHECKOUT.glob("examples/*/Pulumi.*.yaml")}
ADVICE = {"http-services": {"public-plain-http", "public-anonymous", "placeholders-left"}}


def made(stack: str, *, preview: bool) -> tuple[Made, ...]:
    """The resources of an example."""
    settings = yaml.safe_load(STACKS[stack].read_text())["config"][KEY]
    return declared(build(settings, stack=stack, preview=preview).resources)


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("stack", sorted(STACKS))
def test_examples_pass(stack: str, preview: bool) -> None:
    """Whoever starts from an example starts clean; what is advised is known and has a reason."""
    config = load(CHECKOUT / "policies" / "config" / f"{stack}.json", POLICIES)
    resources = made(stack, preview=preview)
    said = {
        policy.name: run(policy, *resources, config=config.of(policy)).messages
        for policy in POLICIES
        if policy.name != "exemptions-in-use" and config.level(policy) != EnforcementLevel.DISABLED
    }
    advice = {name for name, messages in said.items() if messages}
    assert advice <= ADVICE[stack], {name: said[name] for name in advice - ADVICE[stack]}
    assert all(config.level(p) == EnforcementLevel.ADVISORY for p in POLICIES if p.name in advice)


def test_the_pack_sees_the_services_workloads() -> None:
    """Each known way of getting such a service wrong is found in the example once it is made."""
    config = load(CHECKOUT / "policies" / "config" / "http-services.json", POLICIES)
    by_name = {policy.name: policy for policy in POLICIES}

    def found(policy: str, kind: str, name: str, *changes: tuple[str, object]) -> list[str]:
        resources = made("http-services", preview=True)
        (target,) = [r for r in resources if r.token.endswith(f":{kind}") and r.name == name]
        for path, value in changes:
            *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
            section: object = target.props
            for part in above:
                section = section[part]  # type: ignore[index]
            section[last] = value  # type: ignore[index]
        return run(by_name[policy], *resources, config=config.of(by_name[policy])).rules

    container = "spec.template.spec.containers.0"
    deployment = ("Deployment", "inference-deployment")
    wrong_probe = (f"{container}.readinessProbe.httpGet.path", "/readyz")
    assert found("probe-paths", *deployment, wrong_probe) == ["path"]
    assert found("autoscaler-target", *deployment, ("spec.replicas", 2)) == ["fixed-replicas"]
    assert found("graceful-shutdown", *deployment, ("spec.template.spec.terminationGracePeriodSeconds", 30)) == [
        "grace"
    ]
    disk = ("Deployment", "impetus-deployment")
    assert found("volume-sharing", *disk, ("spec.replicas", 2)) == ["single-writer"]
    assert found("volume-sharing", *disk, ("spec.strategy", {"type": "RollingUpdate"})) == ["rollout"]
    path = "spec.default.config.httpHealthCheck.requestPath"
    assert found("health-check-agreement", "HealthCheckPolicy", "inference-health", (path, "/readyz")) == ["path"]
    token = (f"{container}.env", [{"name": "API_TOKEN", "value": "abc"}])
    assert found("literal-secrets", *deployment, token) == ["literal-secret"]


def test_each_example_has_its_levels() -> None:
    """The sandbox takes the levels of the stack's name; without a file an example would be judged by the defaults."""
    assert STACKS
    for stack in STACKS:
        assert Path(CHECKOUT / "policies" / "config" / f"{stack}.json").exists(), stack
