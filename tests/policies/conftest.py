"""Every test starts as the engine starts the pack: in a process in which no exemption was met yet."""

from __future__ import annotations

import pytest

from policies.exemptions import LEDGER


@pytest.fixture(autouse=True)
def _no_exemptions_met() -> None:  # pyright: ignore[reportUnusedFunction] - pytest uses it
    LEDGER.take()
