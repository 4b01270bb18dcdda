"""Helm releases with the real Helm on a real API server."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from sandbox.kube.client import Client
from sandbox.plugin.values import Properties
from tests.sandbox.kubernetes.charts import POD_THAT_NEVER_RUNS, RELEASE, helm_processes, make_chart
from tests.sandbox.kubernetes.engine import Engine, InitFailedError, RefusedByProviderError, in_background
from tests.sandbox.support import eventually, patient


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with one ConfigMap."""
    return make_chart(tmp_path / "demo")


def release(chart: Path, namespace: str, **more: object) -> Properties:
    """The program's inputs of the release `demo`."""
    return {"chart": str(chart), "name": "demo", "namespace": namespace, **more}


def greeting(client: Client, namespace: str) -> str | None:
    """What the release's ConfigMap says."""
    found = client.get("v1", "ConfigMap", "demo", namespace)
    return str(found["data"]["greeting"]) if found else None


def test_life_of_a_release(engine: Engine, client: Client, chart: Path, namespace: str) -> None:
    """Installed, found unchanged, upgraded, imported, uninstalled."""
    news = release(chart, namespace, values={"greeting": "hi"})
    made = engine.create(RELEASE, "demo", news)
    assert made.id == f"{namespace}/demo"
    assert made.state["status"] == {
        "appVersion": "9",
        "chart": "demo",
        "name": "demo",
        "namespace": namespace,
        "revision": 1,
        "status": "deployed",
        "version": "1.2.3",
    }
    assert made.state["resourceNames"] == {"ConfigMap/v1": ["demo"]}
    assert greeting(client, namespace) == "hi"

    assert engine.refresh(made) == made
    assert not engine.diff(made, news).diffs
    changed = engine.update(made, release(chart, namespace, values={"greeting": "ho"}))
    assert changed.state["status"]["revision"] == 2
    assert greeting(client, namespace) == "ho"

    imported = engine.imported(RELEASE, "demo", made.id)
    assert imported is not None
    assert imported.inputs["values"] == {"greeting": "ho"}
    engine.delete(changed)
    assert engine.refresh(changed) is None
    assert greeting(client, namespace) is None
    engine.delete(changed)


def test_a_name_in_use_is_refused(engine: Engine, chart: Path, namespace: str) -> None:
    """Helm's own words, and how to adopt the release."""
    engine.create(RELEASE, "first", release(chart, namespace))
    with pytest.raises(RefusedByProviderError, match="cannot re-use a name that is still in use") as refusal:
        engine.create(RELEASE, "second", release(chart, namespace))
    assert f"import_='{namespace}/demo'" in str(refusal.value)


def test_a_chart_that_does_not_render_leaves_nothing(engine: Engine, chart: Path, namespace: str) -> None:
    """Helm's message names the template; there is no release to clean up."""
    (chart / "templates" / "broken.yaml").write_text("{{ required `a model is needed` .Values.model }}")
    with pytest.raises(RefusedByProviderError, match="a model is needed"):
        engine.create(RELEASE, "demo", release(chart, namespace))
    assert engine.imported(RELEASE, "demo", f"{namespace}/demo") is None


def test_a_release_that_is_not_ready_stays_in_the_state_and_the_next_update_mends_it(
    engine: Engine, chart: Path, namespace: str
) -> None:
    """A failed first install is upgraded when its cause is gone."""
    never = chart / "templates" / "never.yaml"
    never.write_text(POD_THAT_NEVER_RUNS)
    with pytest.raises(InitFailedError) as failure:
        engine.create(RELEASE, "demo", release(chart, namespace), timeout=patient(2))
    assert failure.value.id == f"{namespace}/demo"
    assert failure.value.state["status"]["status"] == "failed"
    never.unlink()
    found = engine.imported(RELEASE, "demo", failure.value.id)
    assert found is not None
    assert engine.update(found, release(chart, namespace)).state["status"]["status"] == "deployed"


def test_a_killed_install_is_repaired_by_the_next_update(
    engine: Engine, client: Client, chart: Path, namespace: str
) -> None:
    """Incident: a killed run leaves a release pending-install, on which Helm refuses every further operation."""
    never = chart / "templates" / "never.yaml"
    never.write_text(POD_THAT_NEVER_RUNS)
    finish = in_background(lambda: engine.create(RELEASE, "demo", release(chart, namespace)))
    eventually(lambda: client.get("v1", "Pod", "never", namespace), "Helm made the objects and waits for them")
    for pid in helm_processes(namespace):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(InitFailedError) as failure:
        finish()
    assert failure.value.state["status"]["status"] == "pending-install"
    with pytest.raises(RefusedByProviderError, match="exists already, pending-install"):
        engine.create(RELEASE, "demo", release(chart, namespace))
    never.unlink()
    found = engine.imported(RELEASE, "demo", failure.value.id)
    assert found is not None
    assert engine.update(found, release(chart, namespace)).state["status"]["status"] == "deployed"
    assert client.get("v1", "Pod", "never", namespace) is None


def test_a_killed_upgrade_is_rolled_back_before_the_next_one(
    engine: Engine, client: Client, chart: Path, namespace: str
) -> None:
    """A release that served before keeps serving: it is not uninstalled to be repaired."""
    made = engine.create(RELEASE, "demo", release(chart, namespace, values={"greeting": "one"}))
    uid = (client.get("v1", "ConfigMap", "demo", namespace) or {})["metadata"]["uid"]
    never = chart / "templates" / "never.yaml"
    never.write_text(POD_THAT_NEVER_RUNS)
    finish = in_background(lambda: engine.update(made, release(chart, namespace, values={"greeting": "two"})))
    eventually(lambda: client.get("v1", "Pod", "never", namespace), "Helm made the objects and waits for them")
    for pid in helm_processes(namespace):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(InitFailedError):
        finish()
    never.unlink()
    mended = engine.update(made, release(chart, namespace, values={"greeting": "three"}))
    assert mended.state["status"]["status"] == "deployed"
    assert greeting(client, namespace) == "three"
    assert (client.get("v1", "ConfigMap", "demo", namespace) or {})["metadata"]["uid"] == uid


def test_no_value_and_no_credential_reaches_the_command_line_or_the_disk(
    engine: Engine, client: Client, chart: Path, namespace: str, tmp_path: Path
) -> None:
    """Invariant: what other users of the machine can see holds no secret."""
    (chart / "templates" / "never.yaml").write_text(POD_THAT_NEVER_RUNS)
    news = release(chart, namespace, values={"token": "made-up-secret"})
    finish = in_background(lambda: engine.create(RELEASE, "demo", news, timeout=20))
    eventually(lambda: client.get("v1", "Pod", "never", namespace), "Helm runs")
    commands = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout
    engine.cancel()
    with pytest.raises(InitFailedError):
        finish()
    assert namespace in commands
    assert "made-up-secret" not in commands
    written = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not [path for path in written if "made-up-secret" in path.read_text(errors="replace")]
    assert not [path for path in written if "current-context" in path.read_text(errors="replace")]


def test_ctrl_c_ends_helm(engine: Engine, client: Client, chart: Path, namespace: str) -> None:
    """A cancelled install leaves no Helm running and a release that says failed, not pending."""
    (chart / "templates" / "never.yaml").write_text(POD_THAT_NEVER_RUNS)
    finish = in_background(lambda: engine.create(RELEASE, "demo", release(chart, namespace)))
    eventually(lambda: client.get("v1", "Pod", "never", namespace), "Helm waits")
    engine.cancel()
    with pytest.raises(InitFailedError) as failure:
        finish()
    assert failure.value.state["status"]["status"] == "failed"
    eventually(lambda: not helm_processes(namespace), "Helm is gone")
