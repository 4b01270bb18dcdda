"""Incidents of plain HTTP services: our own example with the settings of the reports, under its committed pack configuration."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from sandbox.engine import Engine
from sandbox.home import CHECKOUT
from sandbox.toolchain import Tools
from sandbox.workspace import Workspace
from tests.incidents.harness import Result
from tests.sandbox.stack.harness import KEY

Settings = dict[str, Any]

NAME = "http-services"
EXAMPLE = CHECKOUT / "examples" / NAME / f"Pulumi.{NAME}.yaml"
REPORTED = {"startup": "/health", "readiness": "/readyz", "liveness": "/health"}
"""The paths of the autoscaling report, whose server has /healthz and /ready."""


def preview(home: Path, change: Callable[[Settings], object]) -> Result:
    """A preview of the example with these settings, as `make preview STACK=http-services` runs it."""
    content = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    change(content["config"][KEY])
    workspace = Workspace(Tools.load(), home)
    workspace.prepare()
    engine = Engine(workspace, NAME, workspace.configure(NAME, content))
    assert engine.ensure_stack() == 0
    with tempfile.TemporaryFile() as output:
        code = engine.operate("preview", output=output)
        output.seek(0)
        return Result(code=code, output=output.read().decode(errors="replace"))


def wrong_paths(settings: Settings) -> None:
    """Probes on paths that the server does not have."""
    settings["services"][0]["endpoints"] |= REPORTED


def of_another_image(settings: Settings) -> None:
    """The same with an image whose paths nobody has written down."""
    wrong_paths(settings)
    settings["services"][0]["image"] = "us-east5-docker.pkg.dev/http-inference-dev/serving/other:1.4.0"


def test_probes_on_paths_that_are_not_served(incident_home: Path) -> None:
    """Invariant: wrong probe paths of an image listed in `servedPaths` block (autoscaling report 1 to 3: idle new pods)."""
    result = preview(incident_home, wrong_paths)
    result.is_blocked_by("probe-paths")
    for probe, path, right in (
        ("startupProbe", "/health", "/healthz"),
        ("readinessProbe", "/readyz", "/ready"),
        ("livenessProbe", "/health", "/healthz"),
    ):
        result.says(
            f"Deployment inference/inference: spec.template.spec.containers[0].{probe}.httpGet.path is '{path}'",
            "answers /healthz, /metrics, /ready and 404 on the rest",
            f"Write {right}.",
        )


def test_a_service_without_liveness(incident_home: Path) -> None:
    """Invariant: a path that tells whether the server hangs must be given (probes report 2)."""
    result = preview(incident_home, lambda settings: settings["services"][1]["endpoints"].pop("liveness"))
    assert result.code != 0, result.output
    assert "platform.services[1].endpoints.liveness: is missing" in result.output, result.output


def test_paths_that_nobody_has_written_down_are_not_judged(incident_home: Path) -> None:
    """What the pack cannot know it does not guess: `servedPaths` is the precondition of the refusal above."""
    preview(incident_home, of_another_image).passes()
