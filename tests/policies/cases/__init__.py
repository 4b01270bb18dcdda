"""Cases of each policy, by its name; `test_cases.py` runs them."""

from __future__ import annotations

from typing import Final

from tests.policies.cases import installation, security, serving
from tests.policies.cases.case import Cases

CASES: Final[Cases] = {**serving.CASES, **installation.CASES, **security.CASES}
