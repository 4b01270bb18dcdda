"""The engine's surroundings in the sandbox: everything in one directory, nothing in the checkout or in the user's home."""

from __future__ import annotations

import dataclasses
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import workspace
from sandbox.home import CHECKOUT, sandbox_home
from sandbox.toolchain import Tools
from sandbox.workspace import Workspace, WorkspaceError

KEY = "gke-tpu-inference:platform"
KUBERNETES = f"resource-kubernetes-v{metadata.version('pulumi-kubernetes')}"
GOOGLE = f"resource-gcp-v{metadata.version('pulumi-gcp')}"


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """Tools at made-up places; nothing here runs them."""
    return Tools(**{field.name: tmp_path / "tools" / field.name for field in dataclasses.fields(Tools)})


@pytest.fixture
def user_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plugins in the user's own Pulumi home, which the tests may not change."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "user"))
    folder = tmp_path / "user" / "plugins"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def place(tools: Tools, tmp_path: Path, user_plugins: Path) -> Workspace:
    """A workspace of a sandbox that does not exist yet, for a user without plugins."""
    assert not list(user_plugins.iterdir())
    return Workspace(tools, tmp_path / "home")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one stack."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: gke-tpu-inference\n")
    (folder / "Pulumi.dev.yaml").write_text(f"config:\n  {KEY}:\n    project: acme\n")
    monkeypatch.setattr(workspace, "CHECKOUT", folder)
    return folder


def written(path: Path) -> Mapping[str, Any]:
    """The configuration that the engine will read."""
    content: Mapping[str, Any] = yaml.safe_load(path.read_text())
    return content


def official(user_plugins: Path) -> Path:
    """Puts the official Kubernetes plugin into the user's Pulumi home."""
    folder = user_plugins / KUBERNETES
    folder.mkdir()
    (folder / "pulumi-resource-kubernetes").write_text("official")
    return folder


def test_charts_come_from_the_tool_cache(place: Workspace, checkout: Path, tools: Tools) -> None:
    """The one difference between the committed configuration and the sandbox's."""
    path = place.configuration("dev")
    assert path == place.home / "pulumi" / "config" / "Pulumi.dev.yaml"
    assert written(path) == {"config": {KEY: {"project": "acme", "charts": {"mirror": str(tools.charts)}}}}
    assert (path.parent / "Pulumi.yaml").read_text() == (checkout / "Pulumi.yaml").read_text()


def test_a_mirror_of_the_users_own_is_kept(place: Workspace) -> None:
    """Somebody may want to try their own mirror in the sandbox."""
    path = place.configure("dev", {"config": {KEY: {"charts": {"mirror": "oci://mirror"}}}})
    assert written(path)["config"][KEY] == {"charts": {"mirror": "oci://mirror"}}


def test_other_configuration_is_kept(place: Workspace) -> None:
    """Keys of other projects, and what else stands in the file, reach the engine as they are."""
    path = place.configure("dev", {"environment": ["e"], "config": {"gcp:project": "x", KEY: {"zone": "z"}}})
    assert written(path)["environment"] == ["e"]
    assert written(path)["config"]["gcp:project"] == "x"
    assert written(path)["config"][KEY]["zone"] == "z"


def test_content_is_not_changed(place: Workspace) -> None:
    """A caller may go on using what it handed over."""
    content = {"config": {KEY: {"zone": "z"}}}
    place.configure("dev", content)
    assert content == {"config": {KEY: {"zone": "z"}}}


def test_salt_is_kept(place: Workspace) -> None:
    """The engine writes the salt of its secrets into the file: without it no state can be read again."""
    path = place.configure("dev", {"config": {KEY: {"zone": "a"}}})
    path.write_text(path.read_text() + "encryptionsalt: v1:abc\n")
    again = written(place.configure("dev", {"config": {KEY: {"zone": "b"}}}))
    assert again["encryptionsalt"] == "v1:abc"
    assert again["config"][KEY]["zone"] == "b"


def test_the_secrets_provider_of_the_real_stack_is_not_used(place: Workspace) -> None:
    """Incident: a salt that `pulumi stack init` wrote into Pulumi.dev.yaml ended every `make up` in 'incorrect passphrase'."""
    real = {"secretsprovider": "gcpkms://k", "encryptedkey": "x", "encryptionsalt": "v1:of-the-real-stack"}
    assert set(written(place.configure("dev", {**real, "config": {KEY: {"zone": "a"}}}))) == {"config"}


def test_checkout_stays_as_it_is(place: Workspace, checkout: Path) -> None:
    """Working in the sandbox never shows in `git status`."""
    before = {path: path.read_bytes() for path in checkout.rglob("*")}
    place.configuration("dev")
    place.prepare()
    assert {path: path.read_bytes() for path in checkout.rglob("*")} == before


@pytest.mark.usefixtures("checkout")
def test_stack_that_is_not_there(place: Workspace) -> None:
    """The message lists the stacks there are."""
    with pytest.raises(WorkspaceError) as raised:
        place.configuration("prd")
    assert str(raised.value) == "there is no Pulumi.prd.yaml. Stacks here: dev."


def test_an_example_is_a_stack_like_any_other(checkout: Path) -> None:
    """`make up STACK=NAME` takes it from its folder; a stack of one's own of that name comes first."""
    folder = checkout / "examples" / "small"
    folder.mkdir(parents=True)
    (folder / "Pulumi.small.yaml").write_text("config:\n  a: 1\n")
    (folder / "Pulumi.dev.yaml").write_text("config:\n  a: 2\n")
    assert workspace.committed("small") == {"config": {"a": 1}}
    assert workspace.committed("dev")["config"].keys() == {KEY}
    with pytest.raises(WorkspaceError) as raised:
        workspace.committed("none")
    assert str(raised.value) == "there is no Pulumi.none.yaml. Stacks here: dev, small."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"config: [", "Pulumi.dev.yaml is not valid YAML: while parsing a flow node"),
        (b"config: \xff\xfe", "Pulumi.dev.yaml is not valid YAML: "),
        (b"", "Pulumi.dev.yaml holds no settings. Copy Pulumi.dev.yaml and adapt it."),
        (b"text", "Pulumi.dev.yaml holds no settings. Copy Pulumi.dev.yaml and adapt it."),
        (
            b"config: text",
            "config in Pulumi.dev.yaml is 'text'; it must be a block. Copy Pulumi.dev.yaml and adapt it.",
        ),
        (b"config: [1]", "config in Pulumi.dev.yaml is [1]; it must be a block. Copy Pulumi.dev.yaml and adapt it."),
    ],
)
def test_files_that_cannot_be_read(place: Workspace, checkout: Path, content: bytes, message: str) -> None:
    """Broken YAML is a message about the file, in one line, and never a traceback."""
    (checkout / "Pulumi.dev.yaml").write_bytes(content)
    with pytest.raises(WorkspaceError) as raised:
        place.configuration("dev")
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("platform", ["text", None, [], {"charts": "text"}, {"charts": []}, {"charts": {"mirrors": 1}}])
def test_settings_of_a_wrong_shape_reach_the_program(place: Workspace, platform: Any) -> None:
    """The program refuses them with the field and the remedy; the sandbox must not stumble over them before."""
    path = place.configure("dev", {"config": {KEY: platform}})
    found = written(path)["config"][KEY]
    if isinstance(platform, dict) and platform["charts"] == {"mirrors": 1}:
        assert found["charts"]["mirrors"] == 1
    elif platform == {"charts": []}:
        assert found["charts"].keys() == {"mirror"}
    else:
        assert found == platform


def test_commands_are_executable(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine starts plugins and the login command by name: each must run, from any directory."""
    monkeypatch.setenv("PATH", "/nowhere")
    place.prepare()
    plugins = place.pulumi_home / "plugins"
    for path, module in (
        (place.home / "bin" / "gke-gcloud-auth-plugin", "sandbox.login"),
        (plugins / GOOGLE / "pulumi-resource-gcp", "sandbox.gcp"),
        (plugins / KUBERNETES / "pulumi-resource-kubernetes", "sandbox.kubernetes"),
        (plugins / f"language-python-v{metadata.version('pulumi')}" / "pulumi-language-python", "sandbox.host"),
    ):
        assert path.stat().st_mode & 0o111 == 0o111, path
        assert f' exec "{sys.executable}" -m {module} "$@"' in path.read_text()


def test_login_command_says_what_to_do(place: Workspace, tmp_path: Path) -> None:
    """Without a sandbox the stand-in for GKE's login says so; kubectl shows that."""
    place.prepare()
    command = [str(place.home / "bin" / "gke-gcloud-auth-plugin")]
    environment = {**os.environ, "SANDBOX_HOME": str(place.home)}
    ran = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == f"no sandbox at {place.home}: run make up first\n"


def test_official_language_host_is_used(place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Pulumi itself is installed its own language host runs the program."""
    host = tmp_path / "bin" / "pulumi-language-python"
    host.parent.mkdir()
    host.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(host.parent))
    place.prepare()
    assert not list((place.pulumi_home / "plugins").glob("language-*"))


def test_official_kubernetes_plugin_is_linked(place: Workspace, user_plugins: Path) -> None:
    """The real Kubernetes provider is used where it is installed in the very version; Google Cloud's never is."""
    folder = official(user_plugins)
    (user_plugins / GOOGLE).mkdir()
    place.prepare()
    assert (place.pulumi_home / "plugins" / KUBERNETES).readlink() == folder
    assert not (place.pulumi_home / "plugins" / GOOGLE).is_symlink()


def test_official_plugin_takes_over(place: Workspace, user_plugins: Path) -> None:
    """A plugin that is installed later replaces our own; a second run changes nothing."""
    place.prepare()
    official(user_plugins)
    place.prepare()
    place.prepare()
    assert (place.pulumi_home / "plugins" / KUBERNETES / "pulumi-resource-kubernetes").read_text() == "official"


def test_official_plugin_is_never_written_to(
    place: Workspace, user_plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another PULUMI_HOME in the next run, a script written through the link would replace the user's own plugin."""
    folder = official(user_plugins)
    place.prepare()
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "other"))
    place.prepare()
    assert (folder / "pulumi-resource-kubernetes").read_text() == "official"
    ours = place.pulumi_home / "plugins" / KUBERNETES
    assert not ours.is_symlink()
    assert "-m sandbox.kubernetes" in (ours / "pulumi-resource-kubernetes").read_text()


def test_official_plugin_that_is_gone(place: Workspace, user_plugins: Path) -> None:
    """A plugin that was removed leaves a link to nowhere, which must not stop the next run."""
    folder = official(user_plugins)
    place.prepare()
    (folder / "pulumi-resource-kubernetes").unlink()
    folder.rmdir()
    place.prepare()
    assert (
        "sandbox.kubernetes" in (place.pulumi_home / "plugins" / KUBERNETES / "pulumi-resource-kubernetes").read_text()
    )


def test_link_stays_inside_of_the_sandboxs_environment(
    place: Workspace, user_plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `python -m sandbox env` the sandbox's own Pulumi home is the user's: the link is not one to itself."""
    official(user_plugins)
    place.prepare()
    monkeypatch.setenv("PULUMI_HOME", str(place.pulumi_home))
    place.prepare()
    assert (place.pulumi_home / "plugins" / KUBERNETES / "pulumi-resource-kubernetes").read_text() == "official"


def test_passphrase_is_the_users_alone(place: Workspace) -> None:
    """Made once, not empty, readable by nobody else, as the whole directory."""
    place.prepare()
    path = Path(place.environment()["PULUMI_CONFIG_PASSPHRASE_FILE"])
    first = path.read_text()
    assert len(first) >= 24
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.home.stat().st_mode) == 0o700
    place.prepare()
    assert path.read_text() == first


def test_passphrase_that_was_cut_off(place: Workspace) -> None:
    """A run that was killed between making and writing the file would leave an empty passphrase for ever."""
    place.prepare()
    path = Path(place.environment()["PULUMI_CONFIG_PASSPHRASE_FILE"])
    path.write_text("")
    place.prepare()
    assert path.read_text()


def test_environment_is_cut_off_from_the_users(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials and backends of the user never reach the sandbox's engine: it must not act on a real cloud."""
    for name in (
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_STACK",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_PROJECT",
        "KUBECONFIG",
    ):
        monkeypatch.setenv(name, "the user's")
    environment = place.environment()
    assert "the user's" not in environment.values()
    assert environment["PULUMI_BACKEND_URL"] == f"file://{place.home}/pulumi/backend"
    assert environment["PULUMI_HOME"] == f"{place.home}/pulumi/home"
    assert environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true", "nothing is downloaded"
    assert environment["PATH"].split(os.pathsep)[0] == str(place.home / "bin"), (
        "the stand-in for GKE's login goes first"
    )
    assert environment["SANDBOX_HOME"] == str(place.home)


def test_home_of_the_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SANDBOX_HOME, made absolute, else .sandbox in the checkout; git ignores the latter."""
    monkeypatch.delenv("SANDBOX_HOME", raising=False)
    assert sandbox_home() == CHECKOUT / ".sandbox"
    assert ".sandbox/" in (CHECKOUT / ".gitignore").read_text().splitlines()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDBOX_HOME", "relative")
    assert sandbox_home() == tmp_path / "relative"
