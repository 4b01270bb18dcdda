"""The per-user cache of built tools: whole or not there, and damage is told before a half tool is run."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from sandbox.toolchain import ToolchainError, cache_root
from sandbox.toolchain.cache import complete, fill, key, locked


def produce(folder: Path) -> None:
    """Two files, one in a folder."""
    (folder / "helm").write_text("binary")
    (folder / "charts").mkdir()
    (folder / "charts" / "Chart.yaml").write_text("name: x")


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """A finished entry of a cache."""
    folder = tmp_path / "tools" / "helm-0123"
    fill(folder, produce)
    return folder


def damage(folder: Path) -> str:
    """What is said about a damaged entry."""
    with pytest.raises(ToolchainError) as raised:
        complete(folder)
    return str(raised.value)


def test_entry_that_is_not_there(tmp_path: Path) -> None:
    """A missing entry is no damage."""
    assert complete(tmp_path / "helm-0123") is False


def test_finished_entry(entry: Path) -> None:
    """All files of the production are there, and others can read them."""
    assert complete(entry) is True
    assert (entry / "charts" / "Chart.yaml").read_text() == "name: x"
    assert entry.stat().st_mode & 0o777 == 0o755
    assert json.loads((entry / "manifest.json").read_text()) == {"charts/Chart.yaml": 7, "helm": 6}


def test_missing_file(entry: Path) -> None:
    """A cleaner that removed one file of the cache: the message names it and the way out."""
    (entry / "helm").unlink()
    assert damage(entry) == (
        f"the tool cache is damaged: {entry}: helm is missing. "
        f"Remove it and run again, it is then built anew: rm -rf {entry}"
    )


def test_cut_file(entry: Path) -> None:
    """A full disk leaves half a binary, which would fail in some other way much later."""
    (entry / "helm").write_text("bin")
    assert "helm has 3 bytes instead of 6. Remove it and run again" in damage(entry)


@pytest.mark.parametrize("manifest", [None, "", "{", "7", "[1]", '"text"'])
def test_unreadable_manifest(entry: Path, manifest: str | None) -> None:
    """Whatever the manifest has become, it is a message and no traceback."""
    if manifest is None:
        (entry / "manifest.json").unlink()
    else:
        (entry / "manifest.json").write_text(manifest)
    message = damage(entry)
    assert f"the tool cache is damaged: {entry}: its manifest.json cannot be read (" in message
    assert message.endswith(f"rm -rf {entry}")


def test_failed_build_leaves_nothing(tmp_path: Path) -> None:
    """An entry appears when it is finished, never before; a failed build leaves no scratch folder behind."""
    folder = tmp_path / "tools" / "helm-0123"

    def fail(scratch: Path) -> None:
        produce(scratch)
        assert not folder.exists()
        raise ToolchainError("building Helm failed: no space left on device")

    with pytest.raises(ToolchainError, match="no space left on device"):
        fill(folder, fail)
    assert list((tmp_path / "tools").iterdir()) == []


def test_key_follows_the_pins(tmp_path: Path) -> None:
    """A new pin is a new entry; the same pins in another checkout are the same one."""
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        (folder / "go.mod").write_text("require x v1.0.0")
        (folder / "go.sum").write_text("x")
    inputs = [first / "go.mod", first / "go.sum"]
    same = key("helm", inputs)
    assert same.startswith("helm-")
    assert key("helm", [second / "go.sum", second / "go.mod"]) == same
    assert key("helm", inputs, "other charts") != same
    (second / "go.mod").write_text("require x v1.0.1")
    assert key("helm", [second / "go.mod", second / "go.sum"]) != same


def test_cache_is_outside_of_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG's cache directory, so that checkouts share the tools and `make down` leaves them alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "gke-tpu-inference" / "tools"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "gke-tpu-inference" / "tools"


def test_two_runs_do_not_build_at_once(tmp_path: Path) -> None:
    """The second run says that it waits, and goes on when the first is done."""
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        with locked(tmp_path / "tools", waiting.set):
            order.append("second")

    other = threading.Thread(target=second)
    with locked(tmp_path / "tools", lambda: pytest.fail("nobody else has the lock")):
        other.start()
        assert waiting.wait(10)
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]


def test_lock_is_released_after_a_failure(tmp_path: Path) -> None:
    """A build that failed must not hold up the next run."""
    with pytest.raises(ToolchainError), locked(tmp_path, lambda: None):
        raise ToolchainError("failed")
    with locked(tmp_path, lambda: pytest.fail("the lock is still held")):
        pass
