"""What a model's server asks of its node: what cannot be had is refused in words, and what can is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from components.loading import parse
from components.settings import Settings
from tests.unit.changing import changed, problem

Changes = list[tuple[str, Any]]
LARGE = ("models.0.uri", "hf://Qwen/Qwen2.5-32B-Instruct")
DEFAULTS = {"cpu": "250m", "memory": "512Mi"}


def settings(*changes: tuple[str, Any]) -> Settings:
    """The changed settings of dev."""
    return parse(changed(*changes), stack="dev", project="gke-tpu-inference")


LEFT = "leaves pods 43 GiB: the pods stay Pending, or are evicted while they load (DiskPressure). "
ON_DISK = f"on the node's boot disk, which {LEFT}"
VOLUME = "or weights.cache: persistentVolume for models[0]."

REFUSED: dict[str, tuple[Changes, str]] = {
    "weights that the boot disk has no room for": (
        [LARGE],
        f"tpuPools[0].bootDiskGb: 100: model qwen2-5-3b loads its weights into 64 GiB {ON_DISK}Write 140 or more, {VOLUME}",
    ),
    "a canary's weights that the boot disk has no room for": (
        [("tpuPools.0.slices", 2), ("models.0.canary", {"name": "next", "weight": 5, "uri": LARGE[1]})],
        f"tpuPools[0].bootDiskGb: 100: model next loads its weights into 64 GiB {ON_DISK}Write 140 or more, {VOLUME}",
    ),
    "more space than the boot disk has": (
        [("models.0.resources", {"ephemeralStorage": "80Gi"})],
        f"tpuPools[0].bootDiskGb: 100: model qwen2-5-3b asks for 80 GiB {ON_DISK}Write 170 or more.",
    ),
    "a second pool of a class with too small a disk": (
        [
            ("tpuPools.0", {"name": "a", "maxSlices": 1, "bootDiskGb": 200}),
            ("tpuPools.1", {"name": "b", "maxSlices": 1}),
            ("computeClasses", [{"name": "v6e", "pools": ["a", "b"]}]),
            ("models.0.pool", "v6e"),
            LARGE,
        ],
        f"tpuPools[1].bootDiskGb: 100: model qwen2-5-3b loads its weights into 64 GiB {ON_DISK}Write 140 or more, {VOLUME}",
    ),
    "more CPU than a node has": (
        [("models.0.resources", {"cpu": "180"})],
        (
            "models[0].resources.cpu: '180': a node of ct6e-standard-4t leaves 179 for pods, of which GKE's own take some: the "
            "pods stay Pending. Write less than 179."
        ),
    ),
    "more memory than a node has": (
        [("models.0.resources", {"memory": "720Gi"})],
        (
            "models[0].resources.memory: '720 GiB': a node of ct6e-standard-4t leaves 698Gi for pods, of which GKE's own take "
            "some: the pods stay Pending. Write less than 698Gi."
        ),
    ),
    "shared memory beyond the server's own": (
        [("models.0.resources", {"memory": "16Gi"})],
        (
            "models[0].server.sharedMemoryGib: 16: shared memory counts as memory of the server, which ends at 16Gi. Write less "
            "than 16, or more under resources.memory."
        ),
    ),
    "a quota of CPU that a server does not fit": (
        [("isolation", {"quota": {"cpu": "64"}, "containerDefaults": DEFAULTS})],
        (
            "isolation.quota.cpu: '64': servers and endpoint pickers ask for 153 vCPUs, and a pod beyond the quota is refused. "
            "Write 153 or more, and room for updates, or less under resources of models."
        ),
    ),
    "a quota of memory that a server does not fit": (
        [("isolation", {"quota": {"memory": "256Gi"}, "containerDefaults": DEFAULTS})],
        (
            "isolation.quota.memory: '256Gi': servers and endpoint pickers ask for 595 GiB, and a pod beyond the quota is "
            "refused. Write 595Gi or more, and room for updates, or less under resources of models."
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_node_or_the_namespace_does_not_have_is_refused(case: str) -> None:
    """Each would be Pending for ever, refused by the quota, or evicted in a loop, after the machines are paid for."""
    changes, message = REFUSED[case]
    assert problem(*changes) == f"platform.{message}"


ACCEPTED: dict[str, Changes] = {
    "a boot disk that is large enough": [LARGE, ("tpuPools.0.bootDiskGb", 140)],
    "weights on a volume": [LARGE, ("models.0.weights", {"cache": "persistentVolume"})],
    "weights on a claim": [("models.0.uri", "pvc://weights/qwen-32b")],
    "a size that the name tells wrongly": [LARGE, ("models.0.resources", {"ephemeralStorage": "40Gi"})],
    "a size that nobody knows": [("models.0.uri", "s3://bucket/our-model")],
    "a quota that just fits": [
        ("isolation", {"quota": {"cpu": "153", "memory": "595Gi"}, "containerDefaults": DEFAULTS})
    ],
    "less than the default": [("models.0.resources", {"cpu": "20", "memory": "100Gi"})],
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_can_be_had_is_accepted(case: str) -> None:
    """A check that refuses what works is worse than none."""
    settings(*ACCEPTED[case])


@pytest.mark.parametrize(
    ("uri", "cache", "gibibytes"),
    [
        ("hf://Qwen/Qwen2.5-3B-Instruct", "none", 10),
        ("hf://Qwen/Qwen2.5-3B-Instruct:refs-70b", "none", 10),
        ("s3://bucket/models/Qwen2.5-7B-Instruct-AWQ", "none", 8),
        ("hf://Qwen/Qwen2.5-3B-Instruct", "persistentVolume", None),
        ("pvc://weights/Qwen2.5-7B", "none", None),
        ("hf://ours/mystery", "none", None),
    ],
)
def test_space_on_the_disk_follows_from_what_is_known(uri: str, cache: str, gibibytes: int | None) -> None:
    """Nothing is asked for weights that are elsewhere, or whose size the name does not tell; a revision is no size."""
    (model,) = settings(("models.0.uri", uri), ("models.0.weights", {"cache": cache})).models
    assert model.disk_gib == gibibytes


def test_quantisation_while_loading_makes_no_file_smaller() -> None:
    """--quantization=fp8 halves the memory of the chips, not what is downloaded."""
    (model,) = settings(("models.0.server", {"quantization": "fp8"})).models
    assert model.disk_gib == 10


def test_pods_of_groups_count_each() -> None:
    """A server over four hosts is four pods, each with requests of its own."""
    group = [("models.0.multiHost", {"experimental": True}), ("tpuPools.0.topology", "4x4")]
    assert "servers and endpoint pickers are 5 pods" in problem(*group, ("isolation", {"quota": {"pods": 4}}))
    quota = {"quota": {"cpu": "600"}, "containerDefaults": DEFAULTS}
    assert "ask for 609 vCPUs" in problem(*group, ("isolation", quota))
