"""Exemptions as data: which finding of which resource is tolerated, why, by whom, and until when.

They stand in the pack's configuration under the policy they weaken. A matching one in force turns the finding off and
is listed; an expired one does not, and the finding says so. Nothing in a program can exempt itself.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, cast

SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "description": "Findings of this policy that are tolerated for a while.",
    "items": {
        "type": "object",
        "required": ["urn", "reason", "owner", "expires"],
        "additionalProperties": False,
        "properties": {
            "urn": {"type": "string", "minLength": 1, "description": "Glob over resource URNs."},
            "rule": {"type": "string", "minLength": 1, "description": "Glob over the policy's rules; all when absent."},
            "reason": {"type": "string", "minLength": 10},
            "owner": {"type": "string", "minLength": 1},
            "expires": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "description": "Last day, YYYY-MM-DD."},
        },
    },
}
"""JSON schema of the `exemptions` key; the engine checks a pack's configuration against it before anything runs."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """One tolerated finding, or family of them."""

    policy: str
    urn: str
    rule: str
    reason: str
    owner: str
    expires: dt.date

    def matches(self, urn: str, rule: str) -> bool:
        """Whether the exemption speaks of this finding."""
        return fnmatchcase(urn, self.urn) and fnmatchcase(rule, self.rule)

    def __str__(self) -> str:
        return f"{self.policy} for {self.urn} (rule {self.rule}): {self.reason}, {self.owner}, until {self.expires}"


def parse(policy: str, config: Mapping[str, Any]) -> list[Exemption]:
    """The exemptions in one policy's configuration.

    Raises:
        TypeError, ValueError: an entry is misshapen or incomplete, or its date is none; the message names it.
    """
    entries = config.get("exemptions")
    if entries is None:
        return []
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise TypeError(f"{policy}.exemptions is no list. Write a list of {{urn, reason, owner, expires}}.")
    return [_one(policy, index, entry) for index, entry in enumerate(cast("Sequence[Any]", entries))]


def _one(policy: str, index: int, entry: Any) -> Exemption:
    where = f"{policy}.exemptions[{index}]"
    fields = cast("Mapping[str, Any]", entry) if isinstance(entry, Mapping) else {}
    texts: dict[str, str] = {}
    for name in ("urn", "reason", "owner", "expires"):
        value = fields.get(name)
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{where}.{name} is missing: an exemption says for what, why, by whom and until when.")
        texts[name] = value
    try:
        expires = dt.date.fromisoformat(texts["expires"])
    except ValueError:
        raise ValueError(f"{where}.expires is '{texts['expires']}', which is no date. Write YYYY-MM-DD.") from None
    rule = fields.get("rule", "*")
    if not isinstance(rule, str):
        raise TypeError(f"{where}.rule is no text. Write the name of a rule, or leave it out for all.")
    return Exemption(policy, texts["urn"], rule, texts["reason"], texts["owner"], expires)


class Ledger:
    """Which exemptions were seen and which were used in this process; the last policy of the pack lists them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[Exemption, set[str]] = {}

    def seen(self, exemptions: Sequence[Exemption]) -> None:
        """Notes that these are configured."""
        with self._lock:
            for exemption in exemptions:
                self._used.setdefault(exemption, set())

    def used(self, exemption: Exemption, urn: str) -> None:
        """Notes that this one turned off a finding of that resource."""
        with self._lock:
            self._used.setdefault(exemption, set()).add(urn)

    def take(self) -> dict[Exemption, set[str]]:
        """Everything noted since the last call: an update's findings are not those of the preview before it."""
        with self._lock:
            noted, self._used = self._used, {}
            return noted


LEDGER: Final = Ledger()


def today() -> dt.date:
    """The date exemptions expire by, UTC."""
    return dt.datetime.now(dt.UTC).date()
