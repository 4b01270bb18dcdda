"""Which tests stay together when several processes share them out (`make test` runs two).

A file's tests run in one process, so that what they share is made once. So do all tests of a folder that use what the
whole folder shares: an applied stack, a running cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest

_OF_THE_FOLDER: Final = frozenset({"home", "dev", "incident_home", "replay_cluster"})
"""Fixtures of package scope that start processes."""
_FOLDERS: Final = ("incidents", "replay", "stack")
"""Where they are; elsewhere a fixture of the same name is another one."""


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Names the group of each test; without several processes it means nothing."""
    for item in items:
        folder = item.path.parent
        used: set[str] = set(getattr(item, "fixturenames", ()))
        together = folder.name in _FOLDERS and used & _OF_THE_FOLDER
        item.add_marker(pytest.mark.xdist_group(str(folder if together else item.path)))
