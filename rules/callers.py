"""Who may call what a Gateway shows to the internet: what decides it, and what only seems to.

Owns which rules of a Cloud Armor policy let everybody in, and what vLLM's API key guards. Does not own how protection is written
so that it attaches (`edge.py`), nor encryption (`exposure.py`).
Sources: Compute Engine's reference of securityPolicies (2026: the matching rule of the lowest priority number decides, rules in
preview do not, and a policy that is made without rules gets one that allows); Cloud Armor's rate limiting overview (2026:
`throttle` and `rate_based_ban` let pass what stays below the threshold); vLLM's security guide (docs/usage/security.md, 2026-08:
the key is asked for under /v1; /invocations runs the same inference without it).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Final

from rules.edge import ANY_SOURCE, DEFAULT_RULE_PRIORITY
from rules.finding import Finding
from rules.hardening import EVERYWHERE
from rules.vllm import HEALTH_PATH

ADMITTING_ACTIONS: Final = ("allow", "throttle", "rate_based_ban")
"""Actions with which a request passes, be it below a limit."""
ALWAYS: Final = "true"
"""The expression that holds for every request."""
KEY_VARIABLE: Final = "VLLM_API_KEY"
KEY_FLAGS: Final = ("--api-key", "--api_key")
GUARDED_PREFIX: Final = "/v1"
"""Where vLLM asks for the key; newer versions ask in further places, /invocations not among them."""


@dataclass(frozen=True, kw_only=True)
class ArmorRule:
    """A rule of a security policy as far as it is known; None is 'not known'."""

    priority: int | None
    everybody: bool | None
    """Whether every request matches it."""
    admits: bool | None
    """Whether what matches it passes."""


def is_everybody(ranges: Iterable[str]) -> bool:
    """Whether these source ranges are all of the internet, also in pieces."""
    listed = set(ranges)
    if ANY_SOURCE in listed:
        return True
    fours, sixes = list[IPv4Network](), list[IPv6Network]()
    for text in listed:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            continue
        if isinstance(network, IPv4Network):
            fours.append(network)
        else:
            sixes.append(network)
    merged = {str(network) for network in (*collapse_addresses(fours), *collapse_addresses(sixes))}
    return bool(merged & set(EVERYWHERE))


def admits_everybody(rules: Sequence[ArmorRule]) -> tuple[bool | None, int | None]:
    """Whether somebody whom no rule names passes, None where that is not known; and the place of the rule that decides it.

    No place stands for the rule that Google adds where none matches everybody.
    """
    if any(rule.priority is None for rule in rules):
        return None, None
    verdicts: set[bool | None] = set()
    decides: int | None = None
    for place in sorted(range(len(rules)), key=lambda each: rules[each].priority or 0):
        rule = rules[place]
        if rule.everybody is False:
            continue
        verdicts.add(rule.admits)
        if rule.everybody:
            decides = place
            break
    else:
        verdicts.add(True)
    return (verdicts.pop(), decides) if len(verdicts) == 1 else (None, decides)


def key_guards(path: str) -> bool:
    """Whether vLLM asks for its key on all that lies under a path as the server sees it; its health check is nobody's secret."""
    bare = path.rstrip("/")
    return bare in {HEALTH_PATH, GUARDED_PREFIX} or bare.startswith(f"{GUARDED_PREFIX}/")


def anonymous(backends: Sequence[str], gateways: Sequence[str], hints: Sequence[str], path: str) -> Finding:
    """The finding for backends that everybody on the internet may call."""
    hint = f" ({'; '.join(hints)})" if hints else ""
    return Finding(
        path=path,
        value=", ".join(backends),
        reason=f"{' and '.join(gateways)} {'answer' if len(gateways) > 1 else 'answers'} the whole internet, and nothing decides "
        f"who may call{hint}: whoever finds the address uses what stands behind it, at your cost",
        remedy="Write a GCPBackendPolicy for each, with spec.default.securityPolicy (a Cloud Armor policy that denies by "
        f"default) or spec.default.iap; or {KEY_VARIABLE} from a Secret and a route of {GUARDED_PREFIX} alone; or an internal "
        "class such as gke-l7-rilb.",
        rule="anonymous",
    )


def admitted(action: str | None, path: str, backends: Sequence[str]) -> Finding:
    """The finding for a security policy that lets everybody pass; `action` is that of its last rule, None where it has none."""
    return Finding(
        path=path,
        value=action,
        reason=f"the rule that everybody falls under lets them pass to {', '.join(backends)}, which nothing else guards; a limit "
        "bounds how often one address calls, not who does",
        remedy=f"Write deny(403) as action of the rule with priority {DEFAULT_RULE_PRIORITY}, and rules before it that allow or "
        "throttle your clients' ranges.",
        rule="everybody",
    )


def key_hint(backend: str, path: str) -> str:
    """Why a server's key does not decide who may call it."""
    return f"the servers of {backend} ask for a key under {GUARDED_PREFIX} only, and the route leads to {path}"
