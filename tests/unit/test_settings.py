"""What settings are accepted, and how several problems are told."""

from __future__ import annotations

import pytest

from components.loading import parse
from components.schema import FILE, PAGE, page, text
from components.settings import Settings
from tests.committed import committed
from tests.unit.changing import ANY_POOL, DELETE, changed, problem, refusal


def test_schema_is_fresh() -> None:
    """Editors check Pulumi.<stack>.yaml by this file: it must say what the settings say. `make schema` writes it."""
    assert FILE.read_text() == text(), "settings.schema.json is out of date; run: make schema"


def test_the_page_of_settings_is_fresh() -> None:
    """Whoever reads the documentation reads the settings that this version takes."""
    assert PAGE.read_text() == page(), "docs/settings.md is out of date; run: make schema"


def test_the_page_explains_every_setting() -> None:
    """A setting without a meaning cannot be used by somebody who has not read the source."""
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row[0] for row in rows if not row[-1].strip(" |")] == []


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_committed_settings_load(stack: str) -> None:
    """What is in the repository can be used as it is."""
    assert isinstance(parse(committed(stack), stack=stack, project="gke-tpu-inference"), Settings)


def test_settings_are_immutable() -> None:
    """Components share the settings: none may change them for the next."""
    settings = parse(committed("dev"), stack="dev", project="gke-tpu-inference")
    with pytest.raises(ValueError, match="frozen"):
        settings.zone = "us-east5-c"


def test_zone_without_v6e() -> None:
    """A zone of the right region in which nobody can get v6e: the refusal names the zones that have it, and their date."""
    message = problem(("region", "us-west1"), ("zone", "us-west1-a"))
    assert message.startswith(
        "platform.zone: 'us-west1-a': no v6e node pools are offered there (Google's list as of 20"
    )
    assert (
        "fails with 'Unsupported TPU configuration' or GCE_STOCKOUT after minutes of waiting. Write one of " in message
    )
    assert message.endswith(", or name the zone under extraTpuZones if you know that it works.")


def test_zone_that_does_not_exist() -> None:
    """The letter of a zone is a small one."""
    assert problem(("zone", "us-east5-B")).startswith(
        "platform.zone: 'us-east5-B': it is no zone. Write us-east5-a or us-east5-b, or "
    )


def test_extra_zone() -> None:
    """Google's list drifts: a zone that the reader knows to work is not refused."""
    settings = changed(("region", "us-west1"), ("zone", "us-west1-a"), ("extraTpuZones", ["us-west1-a"]))
    assert parse(settings, stack="dev", project="p").zone == "us-west1-a"


def test_every_problem_is_listed_once() -> None:
    """One run says all that is wrong; that a list is too short because its entry is refused is no problem of its own."""
    settings = changed(("project", DELETE), ("systemPool.nodes", 0), ("models.0.uri", "gs://x"), ("gatway", {}))
    head, *problems = refusal(settings).split("\n")
    assert head == "4 settings in Pulumi.dev.yaml cannot be used; nothing was created."
    assert sorted(line.split(":")[0].strip() for line in problems) == [
        "platform.gatway",
        "platform.models[0].uri",
        "platform.project",
        "platform.systemPool.nodes",
    ]


def test_long_values_are_cut() -> None:
    """A whole block in the wrong place must not bury the reason."""
    message = problem(("zone", {"name": "x" * 1000}))
    assert len(message) < 300
    assert "…: this is a block, and the setting takes text. Write one text" in message


@pytest.mark.parametrize(
    "image",
    [
        "vllm/vllm-tpu:v0.27.0",
        "registry.example.com:5000/vllm-tpu:1",
        f"vllm/vllm-tpu@sha256:{'a' * 64}",
        f"vllm/vllm-tpu:latest@sha256:{'a' * 64}",
    ],
)
def test_fixed_images(image: str) -> None:
    """A tag or a digest will do, also behind a registry with a port."""
    assert parse(changed(("models.0.image", image)), stack="dev", project="p").models[0].image == image


@pytest.mark.parametrize(
    "image", ["", "vllm-tpu", "vllm-tpu:", ":v1", "vllm-tpu@sha256:abc", "vllm tpu:v1", "a/b:v1\n"]
)
def test_images_without_a_fixed_tag(image: str) -> None:
    """What no registry resolves, or resolves to something else tomorrow."""
    assert "an image without a fixed tag changes under a running model" in problem(("models.0.image", image))


def test_multi_host_pool_without_a_model() -> None:
    """A multi-host pool is fine where no model is put on it."""
    settings = changed(("tpuPools.1", {**ANY_POOL, "name": "big", "topology": "4x4"}))
    big = parse(settings, stack="dev", project="p").pool("big")
    assert (big.multi_host, big.nodes, big.chips) == (True, 4, 16)


def test_incomplete_tables_refuse_only_what_cannot_be() -> None:
    """Of ct5p not every topology is known: an unlisted one in whole nodes passes, one in fractions of a node does not."""
    pool = {**ANY_POOL, "name": "v5p", "machineType": "ct5p-hightpu-4t"}
    settings = changed(("tpuPools.1", {**pool, "topology": "2x4x8"}))
    assert parse(settings, stack="dev", project="p").pool("v5p").nodes == 16
    message = problem(("tpuPools.1", {**pool, "topology": "3x3x3"}))
    assert message.startswith("platform.tpuPools[1].topology: '3x3x3': ct5p-hightpu-4t (4 chips per VM) makes no such")
