"""A change by hand holds until GKE puts it back, and no longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.balancer import by_hand
from sandbox.balancer.specs import BackendSpec, HealthCheck
from sandbox.clock import SPEED
from tests.sandbox.support import eventually

CHECK = HealthCheck(type="HTTP", path="/", interval=7.0, policy=None)
BACKENDS = {
    name: BackendSpec(kind="InferencePool", namespace="models", name=name, ports=(8000,), selector={}, check=CHECK)
    for name in ("qwen", "other")
}


def test_the_path_is_another_one_and_nothing_else(tmp_path: Path) -> None:
    """Invariant: type, times and thresholds of the check stay, and so do all other backends."""
    changes = by_hand.ByHand(tmp_path)
    assert not changes.is_due
    assert changes.over(BACKENDS) == BACKENDS
    by_hand.change(tmp_path, "qwen", "/health")
    assert changes.is_due
    found = changes.over(BACKENDS)
    assert found["qwen"].check == HealthCheck(type="HTTP", path="/health", interval=7.0)
    assert found["other"] is not BACKENDS["other"]
    assert found["other"] == BACKENDS["other"]
    assert not changes.is_due
    by_hand.change(tmp_path, "other", "/ready")
    assert [spec.check.path for spec in changes.over(BACKENDS).values()] == ["/health", "/ready"]


def test_it_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Incident: GKE took the change back within minutes, and nobody was told."""
    monkeypatch.setenv(SPEED, "1000")
    changes = by_hand.ByHand(tmp_path)
    by_hand.change(tmp_path, "qwen", "/health")
    changes.over(BACKENDS)
    eventually(lambda: changes.is_due, "GKE looks again", timeout=10)
    assert changes.over(BACKENDS) == BACKENDS
    assert not changes.is_due


def test_asking_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant: the load balancer asks four times a second, for as long as it runs; a file is read when it has changed."""
    changes = by_hand.ByHand(tmp_path)
    by_hand.change(tmp_path, "qwen", "/health")
    changes.over(BACKENDS)

    def read(_path: Path) -> str:
        pytest.fail("it was read")

    monkeypatch.setattr(Path, "read_text", read)
    assert not changes.is_due


def test_a_change_before_the_start_holds(tmp_path: Path) -> None:
    """Near-miss: the load balancer may start while a change holds."""
    by_hand.change(tmp_path, "qwen", "/health")
    changes = by_hand.ByHand(tmp_path)
    assert changes.is_due
    assert changes.over(BACKENDS)["qwen"].check.path == "/health"


def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    """Near-miss: whoever writes by hand into the file holds up no load balancer."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "health-checks-by-hand.json").write_text("{")
    assert by_hand.ByHand(tmp_path).over(BACKENDS) == BACKENDS
