"""What the sandbox is built from: Go modules, pinned by the go.mod and go.sum of each group beside this file.

A group is a folder with a go.mod that names its programs as tools and holds no Go code. The versions stand in go.mod
alone, so that one line is changed to update a tool and the cache, keyed by those files, follows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class Group:
    """Programs that are built together because they share a module graph.

    Attributes:
        name: The folder with go.mod and go.sum.
        title: What the group is called in progress output.
        binaries: Go's name for each program, and the name under which it is kept.
        version_of: The module whose version is stamped into the programs, and the variable that takes it.
    """

    name: str
    title: str
    binaries: Mapping[str, str]
    version_of: tuple[str, str] | None = None
    prefix: str = "v"

    @property
    def folder(self) -> Path:
        """Where the group's go.mod is."""
        return HERE / self.name

    def ldflags(self) -> str:
        """Linker flags: no symbol tables, and the version where the program reports one."""
        if self.version_of is None:
            return "-s -w"
        module, variable = self.version_of
        return f"-s -w -X {variable}={self.prefix}{module_version(self.folder, module)}"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Helm chart that a Go module carries.

    Attributes:
        name: The chart's published name.
        module: The module it is in.
        path: Its folder there.
        stamped: The module's copy has a placeholder version, which the release tool replaces by the module's version.
        strip_v: The published version has no leading v.
    """

    name: str
    module: str
    path: str
    stamped: bool = field(default=False)
    strip_v: bool = field(default=False)


ENGINE = Group(
    name="engine",
    title="Pulumi engine",
    binaries={"pulumi": "pulumi"},
    version_of=("github.com/pulumi/pulumi/pkg/v3", "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"),
)
KUBERNETES = Group(
    name="kubernetes",
    title="etcd and Kubernetes",
    binaries={
        "server": "etcd",
        "kube-apiserver": "kube-apiserver",
        "kube-controller-manager": "kube-controller-manager",
        "kube-scheduler": "kube-scheduler",
    },
    version_of=("k8s.io/kubernetes", "k8s.io/component-base/version.gitVersion"),
)
HELM = Group(
    name="helm",
    title="Helm",
    binaries={"helm": "helm"},
    version_of=("helm.sh/helm/v3", "helm.sh/helm/v3/internal/version.version"),
)
KSERVE = Group(name="kserve", title="KServe controller", binaries={"llmisvc": "llmisvc"})
LWS = Group(name="lws", title="LeaderWorkerSet manager", binaries={"cmd": "lws"})
LINT = Group(name="lint", title="actionlint", binaries={"actionlint": "actionlint"})
CONFTEST = Group(name="conftest", title="conftest", binaries={"conftest": "conftest"})

SANDBOX_GROUPS = (ENGINE, KUBERNETES, HELM, KSERVE, LWS)
"""What `make up` needs. LINT is only built by `make lint`, CONFTEST only by `make bench-peers`."""

CHARTS_FOLDER = HERE / "charts"
CHARTS = (
    Chart(
        name="cert-manager",
        module="github.com/cert-manager/cert-manager",
        path="deploy/charts/cert-manager",
        stamped=True,
    ),
    Chart(name="lws", module="sigs.k8s.io/lws", path="charts/lws", stamped=True, strip_v=True),
    Chart(name="kserve-llmisvc-crd", module="github.com/kserve/kserve", path="charts/kserve-llmisvc-crd"),
    Chart(name="kserve-llmisvc-resources", module="github.com/kserve/kserve", path="charts/kserve-llmisvc-resources"),
    Chart(name="kserve-runtime-configs", module="github.com/kserve/kserve", path="charts/kserve-runtime-configs"),
)
CRDS: Mapping[str, tuple[str, str]] = {
    "gateway-api": ("sigs.k8s.io/gateway-api", "config/crd/standard/gateway.networking.k8s.io_*.yaml"),
    "inference": (
        "sigs.k8s.io/gateway-api-inference-extension",
        "config/crd/bases/inference.networking.k8s.io_inferencepools.yaml",
    ),
}
"""CRDs that GKE itself installs, by folder in the cache: the module and the files in it."""

LANGUAGE_EXECUTOR = ("github.com/pulumi/pulumi/sdk/v3", "python/cmd/pulumi-language-python-exec")
"""The program that runs a Pulumi Python program; it is part of the engine's SDK module."""


def module_version(folder: Path, module: str) -> str:
    """The version, without its leading v, that the go.mod in `folder` requires of `module`.

    Raises:
        LookupError: go.mod does not require the module.
    """
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} v(\S+)", (folder / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        message = f"{folder / 'go.mod'} requires no {module}"
        raise LookupError(message)
    return found.group(1)
