"""Cloud Armor policies that the stack declares, global and regional: whether each lets everybody pass.

Owns reading their rules, written in the policy or as resources of their own, and what a name may mean. What a rule does to whom
is `rules.callers`'s knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from policies.reading import Field, Unknown
from policies.resources import Name, Resource, same
from rules.callers import ADMITTING_ACTIONS, ALWAYS, ArmorRule, admits_everybody, is_everybody

POLICIES: Final = ("SecurityPolicy", "RegionSecurityPolicy")
RULES: Final = ("SecurityPolicyRule", "RegionSecurityPolicyRule")
KINDS: Final = (*POLICIES, *RULES)


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a security policy lets everybody pass, and where that is written."""

    everybody: bool | None
    """None where it is not known."""
    field: Field
    resource: Resource


class SecurityPolicies:
    """The security policies of a stack."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        found = [resource for resource in resources if resource.token.startswith("gcp:compute/")]
        found.sort(key=lambda resource: resource.urn)
        self._policies = [resource for resource in found if resource.kind in POLICIES]
        self._rules = [resource for resource in found if resource.kind in RULES]
        self._admissions: dict[str, Admission] = {}

    def named(self, name: Field) -> list[Admission]:
        """What is known of the policies that a name means, or may mean; empty for one that the stack does not declare."""
        wanted: Name = name.value if isinstance(name.value, str | Unknown) else Unknown()
        certain = [policy for policy in self._policies if same(policy.name, wanted)]
        possible = [policy for policy in self._policies if same(policy.name, wanted) is None]
        if certain or not possible:
            return [self._admission(policy) for policy in certain]
        if all(self._admission(policy).everybody is False for policy in possible):
            return [self._admission(policy) for policy in possible]
        hidden = name if name.unknown else possible[0].at("name")
        return [Admission(None, hidden, possible[0])]

    def _admission(self, policy: Resource) -> Admission:
        if policy.urn not in self._admissions:
            self._admissions[policy.urn] = self._judge(policy)
        return self._admissions[policy.urn]

    def _judge(self, policy: Resource) -> Admission:
        written = [(field, policy) for field in policy.at("rules").items()]
        for rule in self._rules:
            of = rule.at("securityPolicy").of(str)
            its = same(policy.name, of.value if isinstance(of.value, str | Unknown) else Unknown())
            if its is None and len(self._policies) > 1:
                return Admission(None, of, rule)
            if its is not False:
                written.append((rule.props, rule))
        read: list[tuple[ArmorRule, Field, Resource]] = []
        for field, resource in written:
            preview = field.at("preview").of(bool)
            if field.unknown or preview.unknown:
                return Admission(None, field if field.unknown else preview, resource)
            if not preview.value:
                read.append((_rule(field), field, resource))
        everybody, place = admits_everybody([rule for rule, _, _ in read])
        if everybody is None:
            field, resource = _unclear(read)
            return Admission(None, field, resource)
        if place is None:
            return Admission(everybody, Field("rules", None), policy)
        return Admission(everybody, read[place][1].at("action"), read[place][2])


def _rule(field: Field) -> ArmorRule:
    action = field.at("action").get(str)
    return ArmorRule(
        priority=field.at("priority").get(int),
        everybody=_everybody(field.at("match")),
        admits=None if action is None else action in ADMITTING_ACTIONS,
    )


def _everybody(match: Field) -> bool | None:
    if match.unknown:
        return None
    expression = match.at("expr", "expression").of(str)
    if not expression.missing:
        return None if expression.unknown else expression.value.strip() == ALWAYS
    ranges = match.at("config", "srcIpRanges").items()
    if is_everybody(text for each in ranges if (text := each.get(str)) is not None):
        return True
    return None if any(each.of(str).unknown for each in ranges) else False


def _unclear(read: list[tuple[ArmorRule, Field, Resource]]) -> tuple[Field, Resource]:
    """A field for want of which it cannot be told whom the rules let pass."""
    for rule, field, resource in read:
        for part, value in (("priority", rule.priority), ("action", rule.admits), ("match", rule.everybody)):
            if value is None:
                return next(field.at(part).unknowns(), field.at(part)), resource
    return read[0][1:]
