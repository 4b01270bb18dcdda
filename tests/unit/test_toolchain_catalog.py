"""What the sandbox is built from, and that the program installs the very same versions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from rules import kserve
from sandbox.toolchain import ToolchainError, Tools
from sandbox.toolchain.build import gather_charts
from sandbox.toolchain.catalog import (
    CHARTS,
    CHARTS_FOLDER,
    CRDS,
    ENGINE,
    KSERVE,
    LWS,
    SANDBOX_GROUPS,
    Group,
    module_version,
)

PINNED = {
    chart.name: chart
    for chart in (
        kserve.CERT_MANAGER_CHART,
        kserve.LWS_CHART,
        kserve.KSERVE_CRD_CHART,
        kserve.KSERVE_CHART,
        kserve.KSERVE_PRESETS_CHART,
    )
}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("require (\n\texample.com/tool v1.2.3\n)", "1.2.3"),
        ("require example.com/tool v1.2.3 // indirect", "1.2.3"),
        ("require (\n\texample.com/tool/sub v9.9.9\n\texample.com/tool v0.1.0-rc.1\n)", "0.1.0-rc.1"),
        ("require (\n\texample.com/other v2.0.0\n\texample.com/tool v1.2.3 // indirect\n)", "1.2.3"),
    ],
)
def test_module_version(tmp_path: Path, text: str, version: str) -> None:
    """The version of exactly that module, from either form of a require."""
    (tmp_path / "go.mod").write_text(f"module tools\n\ngo 1.26\n\n{text}\n")
    assert module_version(tmp_path, "example.com/tool") == version


def test_module_that_is_not_required(tmp_path: Path) -> None:
    """Dots in a module's path are dots: a like-named module is none of it."""
    (tmp_path / "go.mod").write_text("require exampleXcom/tool v1.2.3\n")
    with pytest.raises(LookupError, match="requires no example"):
        module_version(tmp_path, "example.com/tool")


@pytest.mark.parametrize("group", SANDBOX_GROUPS, ids=lambda group: group.name)
def test_groups_are_complete(group: Group) -> None:
    """Each group has its pins, names every program of its as a tool, and stamps a version where one is asked for."""
    text = (group.folder / "go.mod").read_text()
    assert (group.folder / "go.sum").is_file()
    tools = [line for line in text.splitlines() if line.strip().startswith("tool ") or "/" in line]
    for built in group.binaries:
        assert any(line.rstrip().endswith((f"/{built}", f"/{built}/v3")) for line in tools), f"no tool {built}"
    assert group.ldflags().startswith("-s -w")


def test_engine_is_the_version_of_the_sdk() -> None:
    """Engine and Python SDK speak one protocol when they are of one version."""
    requirements = (CHARTS_FOLDER.parents[2] / "requirements.txt").read_text()
    assert f"pulumi=={module_version(ENGINE.folder, 'github.com/pulumi/pulumi/pkg/v3')}\n" in requirements


def test_program_and_sandbox_pin_the_same_releases() -> None:
    """A chart of one version with a controller of another is nobody's release."""
    assert PINNED.keys() == {chart.name for chart in CHARTS}
    for chart in CHARTS:
        version = module_version(CHARTS_FOLDER, chart.module)
        assert PINNED[chart.name].version == (version if chart.strip_v else f"v{version}"), chart.name
    assert f"v{module_version(KSERVE.folder, 'github.com/kserve/kserve')}" == kserve.KSERVE_VERSION
    assert module_version(LWS.folder, "sigs.k8s.io/lws") == kserve.LWS_VERSION


@pytest.fixture
def gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[tuple[int, int]]]:
    """Charts and CRDs gathered from made-up modules, read-only as Go's module cache is; and the progress told."""
    modules = tmp_path / "modules"
    for chart in CHARTS:
        folder = modules / chart.module / chart.path
        (folder / "templates").mkdir(parents=True)
        (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {chart.name}\nversion: v0.1.0\nappVersion: v0.1.0\n")
        (folder / "templates" / "x.yaml").write_text("version: stays\n")
    for module, pattern in CRDS.values():
        path = modules / module / pattern.replace("*", "gateways")
        path.parent.mkdir(parents=True)
        path.write_text("kind: CustomResourceDefinition\n")
    for path in modules.rglob("*.yaml"):
        path.chmod(0o444)

    def module_folder(_folder: Path, module: str) -> Path:
        return modules / module

    monkeypatch.setattr(sys.modules[gather_charts.__module__], "module_folder", module_folder)
    target, told = tmp_path / "out", list[tuple[int, int]]()
    target.mkdir()

    def report(done: int, total: int) -> None:
        told.append((done, total))

    gather_charts(target, report)
    return target, told


def test_charts_are_stamped(gathered: tuple[Path, list[tuple[int, int]]]) -> None:
    """The copies in cert-manager's and LWS's modules carry a placeholder; Helm refuses to find the pinned version."""
    folder, _ = gathered
    versions = {
        chart.name: yaml.safe_load((folder / "charts" / chart.name / "Chart.yaml").read_text()) for chart in CHARTS
    }
    assert versions["cert-manager"]["version"] == kserve.CERT_MANAGER_VERSION
    assert versions["cert-manager"]["appVersion"] == kserve.CERT_MANAGER_VERSION
    assert versions["lws"]["version"] == kserve.LWS_VERSION
    assert versions["lws"]["appVersion"] == f"v{kserve.LWS_VERSION}"
    assert versions["kserve-llmisvc-crd"]["version"] == "v0.1.0", "KServe's own charts carry their version"
    for name, chart in versions.items():
        assert chart["name"] == name
        assert (folder / "charts" / name / "templates" / "x.yaml").read_text() == "version: stays\n"


def test_copies_can_be_removed(gathered: tuple[Path, list[tuple[int, int]]]) -> None:
    """Go's module cache is read-only; its copies must not be."""
    folder, _ = gathered
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 2 * len(CHARTS) + len(CRDS)
    assert all(path.stat().st_mode & 0o200 for path in files)


def test_gathering_shows_its_progress(gathered: tuple[Path, list[tuple[int, int]]]) -> None:
    """One step a chart and a group of CRDs, up to the end."""
    total = len(CHARTS) + len(CRDS)
    assert gathered[1] == [(done, total) for done in range(total + 1)]


def test_built_charts_are_the_pinned_ones() -> None:
    """What `make up` installs is what the program asks for; skipped where no tools have been built."""
    try:
        charts = Tools.load().charts
    except ToolchainError as error:
        pytest.skip(str(error))
    for name, pinned in PINNED.items():
        assert yaml.safe_load((charts / name / "Chart.yaml").read_text())["version"] == pinned.version
