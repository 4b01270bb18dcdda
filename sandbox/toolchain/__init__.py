"""The programs that the sandbox runs: found on PATH where that serves, else built once into a per-user cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandbox.toolchain.build import build, gather_charts, gather_executor
from sandbox.toolchain.cache import ToolchainError, cache_root, complete, fill, key, locked
from sandbox.toolchain.catalog import (
    CHARTS,
    CHARTS_FOLDER,
    CONFTEST,
    CRDS,
    ENGINE,
    HELM,
    KSERVE,
    KUBERNETES,
    LINT,
    LWS,
    SANDBOX_GROUPS,
    Group,
    module_version,
)
from sandbox.toolchain.progress import Progress

__all__ = ["ToolchainError", "Tools", "actionlint", "cache_root", "conftest"]


def _folder(group: Group) -> Path:
    return cache_root() / key(group.name, [group.folder / "go.mod", group.folder / "go.sum"])


def _charts() -> Path:
    inputs = [CHARTS_FOLDER / "go.mod", CHARTS_FOLDER / "go.sum"]
    return cache_root() / key("charts", inputs, f"{CHARTS} {CRDS}")


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Where each program, chart and CRD is. `ensure` makes them, `load` only finds them."""

    pulumi: Path
    language_executor: Path
    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kube_scheduler: Path
    helm: Path
    llmisvc: Path
    lws: Path
    charts: Path
    crds: Path

    @classmethod
    def load(cls) -> Tools:
        """The tools as they are in the cache.

        Raises:
            ToolchainError: One has not been built, or the cache is damaged.
        """
        for folder in (*map(_folder, SANDBOX_GROUPS), _charts()):
            if not complete(folder):
                raise ToolchainError(f"not built yet: {folder.name}. Run: make tools")
        return cls._at()

    @classmethod
    def ensure(cls, progress: Progress) -> Tools:
        """The tools, built first where they are missing; shows each build on `progress`.

        Raises:
            ToolchainError: A build failed, or the cache is damaged.
        """
        groups = [group for group in SANDBOX_GROUPS if not complete(_folder(group))]
        charts = not complete(_charts())
        if groups or charts:
            with locked(cache_root(), partial(progress.say, "another run is building tools; waiting for it")):
                for group in groups:
                    _ensure(group, progress)
                if not complete(_charts()):
                    with progress.step("Charts and CRDs") as report:
                        fill(_charts(), partial(gather_charts, report=report))
        return cls._at()

    @classmethod
    def _at(cls) -> Tools:
        kubernetes, engine = _folder(KUBERNETES), _folder(ENGINE)
        return cls(
            pulumi=_fitting_pulumi() or engine / "pulumi",
            language_executor=engine / "pulumi-language-python-exec",
            etcd=kubernetes / "etcd",
            kube_apiserver=kubernetes / "kube-apiserver",
            kube_controller_manager=kubernetes / "kube-controller-manager",
            kube_scheduler=kubernetes / "kube-scheduler",
            helm=_folder(HELM) / "helm",
            llmisvc=_folder(KSERVE) / "llmisvc",
            lws=_folder(LWS) / "lws",
            charts=_charts() / "charts",
            crds=_charts() / "crds",
        )


def _ensure(group: Group, progress: Progress) -> None:
    if complete(_folder(group)):
        return
    with progress.step(group.title) as report:

        def produce(folder: Path) -> None:
            build(group, folder, report)
            if group is ENGINE:
                gather_executor(group, folder)

        fill(_folder(group), produce)


def actionlint(progress: Progress) -> Path:
    """The workflow linter, built first where it is missing."""
    with locked(cache_root(), partial(progress.say, "another run is building tools; waiting for it")):
        _ensure(LINT, progress)
    return _folder(LINT) / "actionlint"


def conftest(progress: Progress) -> Path:
    """conftest, which only the bench compares with, built first where it is missing."""
    with locked(cache_root(), partial(progress.say, "another run is building tools; waiting for it")):
        _ensure(CONFTEST, progress)
    return _folder(CONFTEST) / "conftest"


def _fitting_pulumi() -> Path | None:
    """The `pulumi` on PATH if it has the engine's pinned version and its Python language host beside it."""
    if os.environ.get("SANDBOX_BUILT_ENGINE"):
        return None
    found, host = shutil.which("pulumi"), shutil.which("pulumi-language-python")
    if found is None or host is None:
        return None
    printed = subprocess.run([found, "version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"(\d+\.\d+\.\d+)", printed)
    pinned = module_version(ENGINE.folder, "github.com/pulumi/pulumi/pkg/v3")
    return Path(found) if version and version.group(1) == pinned else None
