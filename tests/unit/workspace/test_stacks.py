"""Which stack the sandbox runs, and that the checkout's own stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import workspace
from sandbox.toolchain import Tools
from sandbox.workspace import Workspace, WorkspaceError
from tests.unit.workspace.conftest import KEY

AS_IN_PROD = "Write config: and below it gke-tpu-inference:platform: with the settings, as in Pulumi.prod.yaml."


def written(path: Path) -> Mapping[str, Any]:
    """The configuration that the engine will read."""
    content: Mapping[str, Any] = yaml.safe_load(path.read_text())
    return content


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


def test_values_are_read_as_the_engine_reads_them(checkout: Path, place: Workspace) -> None:
    """A time of day and a moment without quotes are text to the engine; only numbers are numbers."""
    (checkout / "Pulumi.dev.yaml").write_text("config: {a: {start: 12:00, begin: 2026-12-20T00:00:00Z, nodes: 2}}\n")
    expected = {"start": "12:00", "begin": "2026-12-20T00:00:00Z", "nodes": 2}
    assert written(place.configuration("dev"))["config"]["a"] == expected


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
        (b"", f"Pulumi.dev.yaml holds no settings. {AS_IN_PROD}"),
        (b"text", f"Pulumi.dev.yaml holds no settings. {AS_IN_PROD}"),
        (
            b"config:\n  a:\n    zone: x\n    nodes: 1\n    zone: y\n",
            (
                "Pulumi.dev.yaml is not valid YAML: key 'zone' is written twice in one object, first in line 3; only one of "
                "them counts (line 5). Correct it and run again."
            ),
        ),
        (
            b"confg:\n  a: 1\n",
            "Pulumi.dev.yaml has no config, but confg. Did you mean config? Correct the key and run again.",
        ),
        (
            b"config: {}\n---\nconfig: {}\n",
            "Pulumi.dev.yaml holds 2 YAML documents, and the engine reads one. Delete a line ---.",
        ),
        (
            b"config: text",
            f"config in Pulumi.dev.yaml is 'text'; it must be a block. {AS_IN_PROD}",
        ),
        (b"config: [1]", f"config in Pulumi.dev.yaml is [1]; it must be a block. {AS_IN_PROD}"),
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
