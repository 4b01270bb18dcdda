"""Kubernetes quantities as numbers, as far as settings and policies compare them.

Owns CPU and memory with the suffixes that are written for them. Source: Kubernetes' documentation of resource units (2026).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_QUANTITY: Final = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?", re.ASCII)
_FACTORS: Final = {
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    "M": Decimal(1000**2),
    "G": Decimal(1000**3),
    "T": Decimal(1000**4),
    "Ki": Decimal(1024),
    "Mi": Decimal(1024**2),
    "Gi": Decimal(1024**3),
    "Ti": Decimal(1024**4),
}


def number(text: str) -> Decimal | None:
    """The number that a quantity stands for: cores, bytes or plain; None for what is no such quantity."""
    match = _QUANTITY.fullmatch(text)
    return None if match is None else Decimal(match[1]) * _FACTORS.get(match[2] or "", Decimal(1))
