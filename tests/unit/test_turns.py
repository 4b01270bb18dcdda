"""Two commands on one stack: the second is told who works on it, and nothing of it begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox import turns


def test_the_second_is_told_who_works(tmp_path: Path) -> None:
    """The incident: it was advised to delete the lock of the update that ran."""
    with turns.taken(tmp_path, "dev", "up"):
        with pytest.raises(turns.BusyError) as refused, turns.taken(tmp_path, "dev", "destroy"):
            pass
        assert str(refused.value) == f"another make up (pid {os.getpid()}) works on dev; wait for it"
        with turns.taken(tmp_path, "prod", "up"):
            pass


def test_it_is_free_again_however_the_first_has_ended(tmp_path: Path) -> None:
    """What is left of a killed command keeps nobody out."""
    (tmp_path / "pulumi").mkdir()
    (tmp_path / "pulumi" / "working-dev").write_text("up 1")
    with pytest.raises(KeyError), turns.taken(tmp_path, "dev", "up"):
        raise KeyError
    with turns.taken(tmp_path, "dev", "up"):
        pass
