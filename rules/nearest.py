"""What somebody meant who mistyped a name that is one of a list.

Owns how near is near enough: a wrong guess costs more than none.
"""

from __future__ import annotations

from collections.abc import Iterable


def nearest(written: str, known: Iterable[str], cutoff: float = 0.75) -> str | None:
    """The name that `written` most resembles, whatever its capitals; None where none is near."""
    import difflib  # noqa: PLC0415 - only who mistypes pays for it

    names = {name.lower(): name for name in sorted(known)}
    found = difflib.get_close_matches(written.lower(), names, n=1, cutoff=cutoff)
    return names[found[0]] if found else None
