"""Runs one policy over a synthetic stack, wrapped as the SDK wraps a real one, without an engine.

Plain dictionaries would hide the SDK's `UnknownValueError`; here every property passes through its proxy, and an
unknown value that escapes a policy fails the test instead of becoming an advisory line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pulumi_policy import (
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
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.inputs import INPUTS

if TYPE_CHECKING:
    from tests.components.recording import Resource as Recorded

UNKNOWN = UNKNOWN_STRING_VALUE
Props = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A synthetic resource."""

    token: str
    name: str
    props: Props
    provider: Props | None = None
    parent: str | None = None
    """URN of the component around it."""
    after: tuple[str, ...] = ()
    """URNs of what it waits for."""

    @property
    def urn(self) -> str:
        """Its URN in a stack `dev` of a project `inference`."""
        return f"urn:pulumi:dev::inference::{self.token}::{self.name}"


@dataclass
class Result:
    """What a policy reported: messages with the URNs they are against."""

    violations: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])

    @property
    def messages(self) -> list[str]:
        """What the user reads."""
        return [message for message, _ in self.violations]

    @property
    def rules(self) -> list[str]:
        """The rule name at the front of each message."""
        return [message[1 : message.index("]")] for message in self.messages]

    @property
    def only(self) -> str:
        """The one message."""
        assert len(self.violations) == 1, self.messages
        return self.messages[0]


def kubernetes(
    api_version: str, kind: str, name: str, namespace: str = "models", *, package: str = "kubernetes", **body: Any
) -> Made:
    """A Kubernetes object as a typed resource."""
    metadata = {"name": name, "namespace": namespace}
    return Made(
        f"{package}:{api_version}:{kind}", name, {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}
    )


def run(
    policy: Policy, *resources: Made, config: Mapping[str, Any] | None = None, shown: Sequence[Made] | None = None
) -> Result:
    """What the policy says about these resources; `shown` are their inputs, where outputs differ from them."""
    result = Result()

    def violate(message: str, urn: str | None = None) -> None:
        result.violations.append((message, urn))

    if isinstance(policy, ResourceValidationPolicy):
        for made in resources:
            policy.validate(
                ResourceValidationArgs(
                    made.token,
                    unknown_checking_proxy(made.props),
                    made.urn,
                    made.name,
                    _options(made.parent),
                    _provider(made),
                    config,
                ),
                violate,
            )
    else:
        assert isinstance(policy, StackValidationPolicy)
        for made in resources if shown is None else shown:
            if made.props:  # as the engine does: each resource is shown by itself first
                INPUTS.saw(made.urn, unknown_checking_proxy(made.props))
        stack = [
            PolicyResource(
                made.token,
                unknown_checking_proxy(made.props),
                made.urn,
                made.name,
                _options(),
                _provider(made),
                None,
                [],
                {},
            )
            for made in resources
        ]
        by_urn = {each.urn: each for each in stack}
        for made, each in zip(resources, stack, strict=True):
            each.parent = by_urn.get(made.parent or "")
            each.dependencies += [by_urn[urn] for urn in made.after if urn in by_urn]
        policy.validate(StackValidationArgs(stack, config), violate)
    return result


def declared(resources: Iterable[Recorded]) -> tuple[Made, ...]:
    """What a program was seen to declare, with what waits for what."""
    found = list(resources)
    made = {each.urn: Made(each.type, each.name, dict(each.inputs)) for each in found}

    def urns(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(made[name].urn for name in names if name in made)

    return tuple(
        replace(made[each.urn], parent=next(iter(urns([each.parent])), None), after=urns(sorted(each.dependencies)))
        for each in found
    )


def _options(parent: str | None = None) -> PolicyResourceOptions:
    return PolicyResourceOptions(False, [], None, [], PolicyCustomTimeouts(0, 0, 0), [], parent)


def _provider(made: Made) -> PolicyProviderResource | None:
    if made.provider is None:
        return None
    return PolicyProviderResource("pulumi:providers:kubernetes", unknown_checking_proxy(made.provider), "urn:p", "p")
