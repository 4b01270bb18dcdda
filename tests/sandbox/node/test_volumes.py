"""Secrets and ConfigMaps as files."""

from __future__ import annotations

from pathlib import Path

from sandbox.node.volumes import materialise, missing_reference
from tests.sandbox.node.fakes import client_with, pod, secret

CERTIFICATE = {"name": "cert", "secret": {"secretName": "serving"}}
MOUNTS = {"name": "main", "volumeMounts": [{"name": "cert", "mountPath": "/tmp/serving-certs"}]}  # noqa: S108


def test_missing_secret_is_named_in_the_kubelets_words() -> None:
    """KServe's controller waits like this until cert-manager has made its certificate."""
    obj = pod(volumes=[CERTIFICATE])
    message = missing_reference(client_with(), obj)
    assert message == 'MountVolume.SetUp failed for volume "cert" : secret "serving" not found'
    assert missing_reference(client_with(secret("serving")), obj) is None


def test_optional_secret_holds_nothing_up() -> None:
    """An optional volume may be missing."""
    assert (
        missing_reference(client_with(), pod(volumes=[{"name": "c", "secret": {"secretName": "x", "optional": True}}]))
        is None
    )


def test_files_follow_the_secret(tmp_path: Path) -> None:
    """A renewed certificate reaches the process, a removed key leaves no stale file, and an equal one writes nothing."""
    obj = pod(volumes=[CERTIFICATE])
    folder = tmp_path / "tmp" / "serving-certs"
    first = client_with(secret("serving", **{"tls.crt": "b25l", "ca.crt": "Y2E="}))
    assert materialise(first, obj, MOUNTS, tmp_path)
    assert (folder / "tls.crt").read_text() == "one"
    assert (folder / "tls.crt").stat().st_mode & 0o777 == 0o600
    assert not materialise(first, obj, MOUNTS, tmp_path)
    assert materialise(client_with(secret("serving", **{"tls.crt": "dHdv"})), obj, MOUNTS, tmp_path)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"tls.crt": "two"}


def test_sub_path_is_a_single_file(tmp_path: Path) -> None:
    """LWS mounts its configuration file like this."""
    config = {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": {"a.yaml": "x: 1", "b": "no"}}
    obj = pod(volumes=[{"name": "v", "configMap": {"name": "c"}}])
    container = {"volumeMounts": [{"name": "v", "mountPath": "/a.yaml", "subPath": "a.yaml"}]}
    materialise(client_with(config), obj, container, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]
    assert (tmp_path / "a.yaml").read_text() == "x: 1"


def test_files_stay_when_their_object_is_deleted(tmp_path: Path) -> None:
    """A kubelet keeps what it has mounted: a running server does not lose its certificate with the Secret."""
    obj = pod(volumes=[CERTIFICATE])
    materialise(client_with(secret("serving", **{"tls.crt": "b25l"})), obj, MOUNTS, tmp_path)
    assert not materialise(client_with(), obj, MOUNTS, tmp_path)
    assert (tmp_path / "tmp" / "serving-certs" / "tls.crt").read_text() == "one"
    assert materialise(client_with(secret("serving")), obj, MOUNTS, tmp_path), (
        "an object without keys is another matter"
    )
    assert list((tmp_path / "tmp" / "serving-certs").iterdir()) == []


def test_missing_optional_volume_is_an_empty_directory(tmp_path: Path) -> None:
    """As on a cluster: a program that lists it finds nothing, and no error."""
    obj = pod(volumes=[{"name": "cert", "secret": {"secretName": "serving", "optional": True}}])
    assert not materialise(client_with(), obj, MOUNTS, tmp_path)
    assert list((tmp_path / "tmp" / "serving-certs").iterdir()) == []
