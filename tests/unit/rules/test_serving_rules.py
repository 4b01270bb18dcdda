"""Command lines, images, versions, probes and Pod Security on plain values."""

from __future__ import annotations

from typing import Any

import pytest

from rules import compatibility, image, kserve_install, startup, vllm_arguments
from rules.autoscaling import check_draining, check_limits
from rules.kserve_preset import preset_pod
from rules.pod_security import check_baseline, check_restricted
from rules.server import Check, Server, check_agreement, check_probe_path
from rules.workload import check_group


@pytest.mark.parametrize(
    ("words", "flags", "expected"),
    [
        (["--port=8000"], vllm_arguments.PORT_FLAG, ["8000"]),
        (["--port", "8000", "--other"], vllm_arguments.PORT_FLAG, ["8000"]),
        (["--served-model-name", "a", "b", "--port", "1"], vllm_arguments.SERVED_NAME, ["a", "b"]),
        (["--port=1", "--port=2"], vllm_arguments.PORT_FLAG, ["2"]),
        (["--port"], vllm_arguments.PORT_FLAG, []),
        (["exec vllm serve /m --port 9 -tp 4"], vllm_arguments.TENSOR_PARALLEL, ["4"]),
        (["vllm serve 'unclosed --port 9"], vllm_arguments.PORT_FLAG, ["9"]),
    ],
)
def test_command_lines_are_read_as_vllm_reads_them(
    words: list[str], flags: tuple[str, ...], expected: list[str]
) -> None:
    """Both spellings, several values, the last use, and scripts handed to a shell."""
    assert vllm_arguments.values(vllm_arguments.split(words), flags) == expected


@pytest.mark.parametrize(
    ("arguments", "chips", "accelerator", "pods", "wrong"),
    [
        (["-tp=4"], 4, "tpu-v6e-slice", 1, False),
        (["-tp=8"], 4, "tpu-v6e-slice", 2, False),
        (["-tp=8"], 4, "tpu7x", 1, False),
        (["-tp=4"], 4, "tpu7x", 1, False),
        (["-tp=8"], 4, "tpu-v6e-slice", 1, True),
        (["-tp=2"], 4, "tpu-v6e-slice", 1, True),
        ([], 1, None, 1, False),
        (["-tp=$TP"], 4, None, 1, False),
    ],
)
def test_parallelism_is_the_chips_of_the_server(
    arguments: list[str], chips: int, accelerator: str | None, pods: int, wrong: bool
) -> None:
    """Twice as many on tpu7x, which has two cores per chip; what a shell fills in is not judged."""
    assert bool(vllm_arguments.check_parallelism(arguments, chips, accelerator, pods=pods)) == wrong


@pytest.mark.parametrize(
    ("text", "repository", "tag"),
    [
        ("vllm/vllm-tpu:v1", "docker.io/vllm/vllm-tpu", "v1"),
        ("busybox", "docker.io/busybox", None),
        ("localhost:5000/a", "localhost:5000/a", None),
        ("ghcr.io/a/b:1@sha256:00", "ghcr.io/a/b", "1"),
    ],
)
def test_image_references(text: str, repository: str, tag: str | None) -> None:
    """A port is no tag, and Docker Hub is what nobody writes."""
    reference = image.parse(text)
    assert (reference.repository, reference.tag) == (repository, tag)


@pytest.mark.parametrize(
    ("version", "wrong"),
    [("v0.20.0", False), ("0.19.0", False), ("v0.19.0-rc1", False), ("v0.18.1", True), ("latest", True), (None, True)],
)
def test_kserve_below_the_floor_is_refused_with_its_reason(version: str | None, wrong: bool) -> None:
    """Incident: Services said https while vLLM spoke HTTP, and every patch was reverted."""
    assert bool(kserve_install.check_kserve_version(version)) == wrong


def test_the_reason_for_the_floor_is_the_symptom() -> None:
    """People search for what they see."""
    assert "wrong version number" in kserve_install.check_kserve_version("v0.17.0")[0].message


def test_machine_types_need_their_gke_version() -> None:
    """A pool of a machine type that the control plane does not know fails after minutes."""
    assert compatibility.check_machine_version("1.30.1", "ct6e-standard-4t")
    assert not compatibility.check_machine_version("1.34", "ct6e-standard-4t")
    assert not compatibility.check_machine_version("newest", "ct6e-standard-4t")


def test_a_group_is_one_slice() -> None:
    """Too few pods wait for ever, too many hold nothing."""
    assert not check_group("4x4", 4, 4, "size")
    assert "Write 4." in check_group("4x4", 4, 2, "size")[0].message
    assert "one row of the TPU table" in check_group("4x4", 3, 2, "size")[0].message
    assert not check_group("big", 4, 2, "size")


def test_the_preset_is_what_it_is_judged_by() -> None:
    """KServe's preset meets baseline and restricted, and is too short for a TPU's start."""
    pod = dict(preset_pod())
    assert not check_baseline(pod)
    assert not check_restricted(pod)
    probe = pod["containers"][0]["startupProbe"]
    seconds = startup.window(probe["periodSeconds"], probe["failureThreshold"], None)
    assert startup.check_startup(seconds, startup.MINIMUM_STARTUP_SECONDS)


@pytest.mark.parametrize(
    "pod",
    [
        {},
        {"containers": "x"},
        {"containers": [None]},
        {"volumes": [None]},
        {"containers": [{"ports": [{"hostPort": "a"}]}]},
    ],
)
def test_pod_security_survives_any_shape(pod: dict[str, Any]) -> None:
    """A spec that is no pod's is refused by the API server, not by a crash here."""
    check_baseline(pod)
    check_restricted(pod)


def test_windows_pods_are_not_asked_for_linux_settings() -> None:
    """As the standard says."""
    assert not check_restricted(
        {"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": True}, "containers": [{"name": "a"}]}
    )


@pytest.mark.parametrize(
    ("check", "rules"),
    [
        (Check(type="HTTP", path="/ready", port=8080, specification="USE_FIXED_PORT"), []),
        (Check(type="HTTPS", path="/ready", port=8080, specification="USE_FIXED_PORT"), ["scheme"]),
        (Check(type="HTTP", path="/readyz", port=8000, specification="USE_FIXED_PORT"), ["port", "path"]),
        (Check(type="TCP", port=8000, specification="USE_NAMED_PORT"), []),
        (Check(type="GRPC"), []),
    ],
)
def test_a_check_asks_for_what_is_served(check: Check, rules: list[str]) -> None:
    """Path, port and scheme, each by itself."""
    server = Server(label="the server", ports=frozenset({8080}), tls=False, paths=frozenset({"/ready", "/healthz"}))
    assert [finding.rule for finding in check_agreement(check, server)] == rules
    assert not check_agreement(check, Server(label="a server nobody knows"))


def test_the_nearest_served_path_is_proposed() -> None:
    """Incident: probes on /readyz, the server answers /ready."""
    assert "Write /ready." in check_probe_path("/readyz", ["/ready", "/healthz", "/"], "it")[0].message
    assert not check_probe_path("/readyz", [], "it")


def test_limits_and_draining() -> None:
    """Room to scale, and time to end."""
    assert not check_limits(None, 2)
    assert check_limits(None, 1)
    assert check_draining(61, 60, "p", "policy")
    assert not check_draining(60, 60, "p", "policy")
