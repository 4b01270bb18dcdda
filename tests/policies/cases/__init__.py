"""Cases of each policy, by its name; `test_cases.py` runs them."""

from __future__ import annotations

from typing import Final

from tests.policies.cases import edge, installation, network, nodes, remedied, security, serving, storage, versions
from tests.policies.cases.case import Cases

CASES: Final[Cases] = {
    **serving.CASES,
    **storage.CASES,
    **installation.CASES,
    **security.CASES,
    **edge.CASES,
    **nodes.CASES,
    **network.CASES,
    **remedied.CASES,
    **versions.CASES,
}
