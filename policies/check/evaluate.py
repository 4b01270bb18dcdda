"""Runs policies over resources in this process, through the same functions the engine's SDK calls.

Used by the check, the examples and the bench. Does not know where the resources come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from policies.check.settings import PackConfig
from policies.exemptions import LEDGER
from policies.inputs import INPUTS

_OPTIONS: Final = PolicyResourceOptions(False, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])


@dataclass(frozen=True, slots=True)
class Violation:
    """What one policy said, against which resource."""

    policy: Policy
    level: EnforcementLevel
    message: str
    urn: str | None


class PolicyCrashError(Exception):
    """A policy broke down on some input: a defect of the pack, never to be mistaken for a pass."""

    def __init__(self, policy: str, urn: str | None, cause: Exception) -> None:
        about = f" on {urn}" if urn else ""
        super().__init__(
            f"policy {policy} broke down{about} ({type(cause).__name__}: {cause}). This is a defect of the pack: please "
            "report it with the object that caused it."
        )


def resource(
    token: str, name: str, urn: str, props: Mapping[str, Any], *, namespace: str | None = None
) -> PolicyResource:
    """A resource as policies get it, and get to know it; `namespace` is the provider's default."""
    INPUTS.saw(urn, props)
    provider = None
    if namespace is not None:
        provider = PolicyProviderResource("pulumi:providers:kubernetes", {"namespace": namespace}, "", "kubernetes")
    return PolicyResource(token, props, urn, name, _OPTIONS, provider, None, [], {})


def evaluate(
    policies: Sequence[Policy], resources: Sequence[PolicyResource], config: PackConfig | None = None
) -> Iterator[Violation]:
    """What the policies say, as in an update: all of them about one resource after another, then those over the stack.

    Raises:
        PolicyCrashError: A policy raised; nothing it says can be relied on.
    """
    settings = config or PackConfig()
    LEDGER.take()
    active = [(policy, settings.level(policy)) for policy in policies]
    active = [(policy, level) for policy, level in active if level is not EnforcementLevel.DISABLED]
    single = [
        (policy, level, settings.of(policy)) for policy, level in active if isinstance(policy, ResourceValidationPolicy)
    ]
    for each in resources:
        for policy, level, options in single:
            args = ResourceValidationArgs(
                each.resource_type, each.props, each.urn, each.name, each.opts, each.provider, options
            )
            yield from _run(policy, level, args, each.urn)
    for policy, level in active:
        if isinstance(policy, StackValidationPolicy):
            yield from _run(policy, level, StackValidationArgs(list(resources), settings.of(policy)), None)


def _run(policy: Policy, level: EnforcementLevel, args: Any, urn: str | None) -> Iterable[Violation]:
    said: list[Violation] = []

    def violate(message: str, about: str | None = None) -> None:
        said.append(Violation(policy, level, message, urn or about))

    validate: Callable[..., object] = getattr(policy, "validate")  # noqa: B009 both kinds of policy have it
    try:
        validate(args, violate)
    except Exception as error:
        raise PolicyCrashError(policy.name, urn, error) from error
    return said
