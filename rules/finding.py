"""One thing that is wrong with one field, in words for the person who wrote it.

Owns the shape of an answer. Does not decide who hears it or whether it blocks: settings raise it, policies report it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A field whose value cannot work, why, and what to write instead."""

    path: str
    """Dotted path of the field, such as `spec.gatewayClassName`."""
    value: object
    """The value found there; `None` when the field is missing."""
    reason: str
    """Why it cannot work and what one would see, as a clause without a final full stop."""
    remedy: str
    """What to write instead, as a full sentence."""
    certain: bool = True
    """False where the facts are not complete enough to refuse: such a finding warns."""
    rule: str = ""
    """Short name of the fact that was violated, such as `timeouts`; exemptions select by it."""

    @property
    def message(self) -> str:
        """One readable sentence: what, why, and what to write instead."""
        shown = "is missing" if self.value is None else f"is {_shown(self.value)}"
        return f"{self.path} {shown}: {self.reason}. {self.remedy}"

    def __str__(self) -> str:
        return self.message

    def under(self, prefix: str) -> Finding:
        """The same finding with `prefix` put before its path (and before an index, without a dot)."""
        if not prefix:
            return self
        joint = "" if not self.path or self.path.startswith("[") else "."
        return replace(self, path=f"{prefix}{joint}{self.path}")


def _shown(value: object, limit: int = 120) -> str:
    """`value` as one would write it, cut to `limit` characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
