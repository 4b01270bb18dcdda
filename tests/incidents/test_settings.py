"""Wrong settings of our own stacks, through the command that `make preview` runs: one clear error, and nothing exists."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import daemon
from sandbox.home import CHECKOUT
from sandbox.workspace import PROJECT

KEY = f"{PROJECT}:platform"
Settings = dict[str, Any]


def preview(home: Path, folder: Path, stack: str = "dev") -> str:
    """What a preview of a stack with the settings in `folder` prints; asserts what is true of every refusal."""
    environment = {**os.environ, "SANDBOX_HOME": str(home), "SANDBOX_CONFIG_DIR": str(folder)}
    ran = subprocess.run(
        [sys.executable, "-m", "sandbox", "preview", "--stack", stack],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    output = ran.stdout + ran.stderr
    assert ran.returncode != 0, output
    assert "Traceback" not in output, output
    assert daemon.ask(home, "/resources")["resources"] == []
    return output


def write(folder: Path, change: Callable[[Settings], object]) -> None:
    """Puts the committed dev settings, changed, into `folder`."""
    content = copy.deepcopy(yaml.safe_load((CHECKOUT / "Pulumi.dev.yaml").read_text(encoding="utf-8")))
    change(content["config"][KEY])
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def misspell(settings: Settings) -> None:
    """`replica` instead of `replicas`."""
    settings["models"][0]["replica"] = 1


def zone(settings: Settings) -> None:
    """A zone of the right continent, in a region without any v6e."""
    settings |= {"region": "us-west4", "zone": "us-west4-a"}


def topology(settings: Settings) -> None:
    """A slice that eight chips a VM do not make."""
    settings["tpuPools"][0] |= {"machineType": "ct6e-standard-8t", "topology": "4x8"}


def project(settings: Settings) -> None:
    """No project."""
    del settings["project"]


def gateway_class(settings: Settings) -> None:
    """The class that has an address and no healthy pool."""
    settings["gateway"]["className"] = "gke-l7-global-external-managed"


def flag(settings: Settings) -> None:
    """The flag that guides write and vLLM does not have."""
    settings["models"][0]["extraArgs"] = ["--prefix-cache-block-size=16"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (misspell, "platform.models[0].replica: there is no such setting. Did you mean replicas?"),
        (zone, "platform.zone: 'us-west4-a': no v6e node pools are offered there"),
        (topology, "platform.tpuPools[0].topology: '4x8': ct6e-standard-8t (8 chips per VM) makes no such slice"),
        (project, "platform.project: is missing (Google Cloud project id)."),
        (gateway_class, "platform.gateway.className: 'gke-l7-global-external-managed': Gateways of this class take no"),
        (flag, "platform.models[0].extraArgs: '--prefix-cache-block-size=16': vLLM has no --prefix-cache-block-size"),
    ],
    ids=["misspelt", "zone", "topology", "project", "gateway-class", "flag"],
)
def test_a_wrong_setting_is_one_error(
    incident_home: Path, tmp_path: Path, change: Callable[[Settings], object], says: str
) -> None:
    """Invariant: a setting that cannot work is named with value, reason and remedy before anything runs (issues 1, 2, 12)."""
    write(tmp_path, change)
    output = preview(incident_home, tmp_path)
    assert output.count(says) == 1, output
    assert "1 setting in Pulumi.dev.yaml cannot be used; nothing was created." in output
    assert "Nothing was changed. Correct what is said above" in output


def test_an_unknown_stack_is_one_error(incident_home: Path, tmp_path: Path) -> None:
    """Invariant: a stack that does not exist is answered with those that do, and is not made."""
    write(tmp_path, lambda _: None)
    assert preview(incident_home, tmp_path, "staging").strip() == (
        "error: there is no Pulumi.staging.yaml. Stacks here: dev."
    )


def test_invalid_yaml_is_one_error(incident_home: Path, tmp_path: Path) -> None:
    """Invariant: a file that is no YAML is named with the place where it stops being it."""
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  platform: [\n", encoding="utf-8")
    output = preview(incident_home, tmp_path).strip()
    assert output.startswith("error: Pulumi.dev.yaml is not valid YAML: "), output
    assert "line 3" in output
    assert len(output.splitlines()) == 1
