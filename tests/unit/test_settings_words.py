"""What somebody reads about a value that YAML or a type does not take: no regular expression, no name of Python's, a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from components import schema
from components.loading import SettingsError, parse
from components.settings import Settings
from components.settings.examples import example
from components.settings.phrases import PHRASES, corrected
from components.settings.places import place
from tests.unit.changing import DELETE, changed, problem, refusal

QUOTES = "(without them 1.30 is 1.3, 0x2 is 2, and 12:00 can be 720)"
SERVICE: dict[str, Any] = {
    "name": "a",
    "image": "b:1",
    "endpoints": {"readiness": "/ready", "liveness": "/live", "serving": ["/"]},
}

MESSAGES: dict[str, tuple[list[tuple[str, Any]], str]] = {
    "a name with capitals": (
        [("models.0.name", "Qwen2.5-3B")],
        (
            "models[0].name: 'Qwen2.5-3B': it has to be lower-case letters, digits and dashes, a letter first and no dash last. "
            "Write qwen2-5-3b. It is: Name of the LLMInferenceService"
        ),
    ),
    "memory with a B": (
        [("services", [{**SERVICE, "resources": {"requests": {"cpu": "1", "memory": "1GiB"}}}])],
        "services[0].resources.requests.memory: '1GiB': it has to be a whole number with Mi, Gi or Ti. Write 1Gi. It is: Memory",
    ),
    "half a core": (
        [("isolation", {"containerDefaults": {"cpu": "0.5", "memory": "512Mi"}})],
        "isolation.containerDefaults.cpu: '0.5': it has to be a whole number, or thousandths with an m. Write 500m. It is: CPU",
    ),
    "a channel that is none": (
        [("cluster.releaseChannel", "FAST")],
        "cluster.releaseChannel: 'FAST': it has to be RAPID, REGULAR, STABLE or EXTENDED. Write one such as REGULAR. It is: ",
    ),
    "an address that is none": (
        [("monitoring.emails", ["on-call"])],
        "monitoring.emails[0]: 'on-call': it has to be an e-mail address. Write one such as on-call@example.com. It is: ",
    ),
    "a time that YAML made a number": (
        [("cluster.maintenance", {"start": 720})],
        (
            "cluster.maintenance.start: 720: YAML reads what stands there as a number, and the setting takes text. Put it in "
            f'quotes, as you mean it: "12:00" {QUOTES}. It is: When it begins, UTC'
        ),
    ),
    "a topology that YAML made a number": (
        [("tpuPools.0.topology", 2)],
        (
            "tpuPools[0].topology: 2: YAML reads what stands there as a number, and the setting takes text. Put it in quotes, as "
            f'you mean it: "2" {QUOTES}. It is: The slice\'s physical shape in chips, such as 2x2'
        ),
    ),
    "a version that YAML made a number": (
        [("cluster.minimumVersion", 1.3)],
        "cluster.minimumVersion: 1.3: YAML reads what stands there as a number, and the setting takes text. Put it in quotes",
    ),
    "a port as a variable": (
        [("services", [{**SERVICE, "environment": {"IMPETUS_PORT": 8080}}])],
        (
            "services[0].environment.IMPETUS_PORT: 8080: YAML reads what stands there as a number, and the setting takes text. "
            f'Put it in quotes, as you mean it: "8080" {QUOTES}. It is: Environment variables; none of them a secret'
        ),
    ),
    "a secret that is a text": (
        [("services", [{**SERVICE, "secretEnvironment": {"TOKEN": "x"}}])],
        (
            "services[0].secretEnvironment.TOKEN: 'x': this is no block of settings. Write a block, such as {secret: SECRET, "
            "key: password}. It is: Environment variables that are read from Secrets"
        ),
    ),
    "a variable with a dash": (
        [("services", [{**SERVICE, "environment": {"LOG-LEVEL": "info"}}])],
        (
            "services[0].environment['LOG-LEVEL']: 'LOG-LEVEL': it has to be letters, digits and underscores, no digit first. "
            "Write LOG_LEVEL. It is: Environment variables"
        ),
    ),
    "a switch that is a word": (
        [("zone", True)],
        'zone: true: YAML reads what stands there as true or false, and the setting takes text. Put it in quotes: "true"',
    ),
    "a choice with a typo": (
        [("models.0.server", {"dtype": "bflot16"})],
        "models[0].server.dtype: 'bflot16': there is no such choice. Write bfloat16. It is: Type of weights and activations",
    ),
    "a number below the least": (
        [("systemPool.nodes", 0)],
        "systemPool.nodes: 0: this is out of bounds. Write 1 or more. It is: How many nodes",
    ),
    "no truth value": (
        [("cluster.dnsEndpoint", "maybe")],
        "cluster.dnsEndpoint: 'maybe': this is neither true nor false. Write true or false. It is: ",
    ),
    "a moment that is none": (
        [
            (
                "cluster.maintenance",
                {"exclusions": [{"name": "x", "begin": "tomorrow", "until": "2026-12-20T00:00:00Z"}]},
            )
        ],
        (
            "cluster.maintenance.exclusions[0].begin: 'tomorrow': this is no moment with a time zone. Write one in quotes, such "
            'as "2026-12-20T00:00:00Z". It is: First moment'
        ),
    ),
    "a block that is missing": (
        [("cluster", DELETE)],
        (
            "cluster: is missing (The GKE cluster). Write, for example, cluster: {authorizedNetworks: [{name: office, cidr: "
            "203.0.113.0/24}]}"
        ),
    ),
    "a block of a list that is missing": (
        [("services", [{key: SERVICE[key] for key in ("name", "image")}])],
        (
            "services[0].endpoints: is missing (What the server answers, declared once). Write, for example, endpoints: "
            "{readiness: /ready, liveness: /live, serving: [/]}"
        ),
    ),
    "a block with nothing in it": (
        [("secrets", {"huggingFaceToken": None})],
        (
            "secrets.huggingFaceToken: nothing stands in this block, and it would count as left out. Write, for example, "
            "huggingFaceToken: {secret: SECRET}, or delete the line. It is: Token that downloads gated models from Hugging Face"
        ),
    ),
    "a default block with nothing in it": (
        [("network", None)],
        "network: empty: nothing stands there. Write a value, or delete the line. It is: Address ranges, or an existing VPC",
    ),
}


@pytest.mark.parametrize(("changes", "message"), MESSAGES.values(), ids=MESSAGES.keys())
def test_message(changes: list[tuple[str, Any]], message: str) -> None:
    """The field, what stands there, why not, and what to write, in words of YAML."""
    assert problem(*changes).startswith(f"platform.{message}")


def _patterns(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "pattern" and isinstance(value, str):
                yield value
            if key == "patternProperties":
                yield from value
            yield from _patterns(value)
    elif isinstance(node, list):
        for item in node:
            yield from _patterns(item)


def test_every_pattern_has_words() -> None:
    """Nobody is shown a regular expression: each has a phrase, no phrase is left over, and each example fits its pattern."""
    assert set(_patterns(schema.schema())) == set(PHRASES)
    for pattern, phrase in PHRASES.items():
        assert re.search(pattern, phrase.example.strip('"')), phrase


@pytest.mark.parametrize(
    ("pattern", "written", "meant"),
    [
        ("^[1-9][0-9]*(Mi|Gi|Ti)$", "0.5Gi", "512Mi"),
        ("^[1-9][0-9]*(Mi|Gi|Ti)$", "16G", "16Gi"),
        ("^[1-9][0-9]*(Mi|Gi|Ti)$", "lots", None),
        ("^[a-z]+-[a-z]+[0-9]+$", "us-east5-b", "us-east5"),
        ("^([01][0-9]|2[0-3]):[0-5][0-9]$", "2:00", "02:00"),
        ("^[1-9][0-9]*m?$", "0", None),
        ("^[1-9][0-9]*m?$", "nan", None),
        (r"^[^@\s]+@[^@\s]+\.[^@\s]+$", "on call", None),
    ],
)
def test_what_was_meant(pattern: str, written: str, meant: str | None) -> None:
    """Only what certainly fits is proposed."""
    assert corrected(pattern, written) == meant


def test_examples_of_blocks_can_be_used() -> None:
    """A block that is proposed is valid YAML, and what the required ones of a stack say is taken as it is."""
    for name in ("cluster", "gateway"):
        at = place((name,))
        assert at is not None
        block = yaml.safe_load(example(at.annotation) or "")
        deleted: list[tuple[str, Any]] = [("gateway.allowPlainHttp", DELETE)] if name == "gateway" else []
        if name == "gateway":
            block["tls"]["certificateManager"] = ["certificate"]
        assert isinstance(parse(changed(*deleted, (name, block)), stack="dev", project="p"), Settings)
    for name, info in Settings.model_fields.items():
        text = example(info.annotation)
        assert text is None or yaml.safe_load(text), name


def test_nothing_on_purpose_stays_possible() -> None:
    """Where null means something of its own, as for a trigger that is on unless it is null, it is taken."""
    scaling = {"minReplicas": 1, "maxReplicas": 2, "source": "managed-prometheus", "queueLength": None}
    settings = changed(("models.0.replicas", DELETE), ("models.0.autoscaling", scaling), ("tpuPools.0.slices", 2))
    autoscaling = parse(settings, stack="dev", project="p").models[0].autoscaling
    assert autoscaling is not None
    assert autoscaling.queue_length is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            ["gke-tpu-inferense:platform"],
            (
                "Pulumi.dev.yaml has no gke-tpu-inference:platform, but gke-tpu-inferense:platform. Did you mean "
                "gke-tpu-inference:platform? Correct the key; nothing was created."
            ),
        ),
        (
            ["gcp:project"],
            (
                "Pulumi.dev.yaml has no gke-tpu-inference:platform. Write it below `config:`, as in Pulumi.prod.yaml, with the "
                "settings that docs/settings.md lists; nothing was created."
            ),
        ),
    ],
)
def test_settings_under_another_key(keys: list[str], message: str) -> None:
    """A mistyped key is named, and the advice never leads back to the same file."""
    with pytest.raises(SettingsError) as raised:
        parse(None, stack="dev", project="gke-tpu-inference", keys=keys)
    assert str(raised.value) == message


def test_a_moment_without_quotes() -> None:
    """The engine hands a moment that stands without quotes on as Go prints it; it is the same moment."""
    window = {"name": "x", "begin": "2026-12-20 00:00:00 +0000 UTC", "until": "2026-12-22T00:00:00Z"}
    settings = parse(changed(("cluster.maintenance", {"exclusions": [window]})), stack="dev", project="p")
    assert settings.cluster.maintenance is not None
    assert settings.cluster.maintenance.exclusions[0].begin.isoformat() == "2026-12-20T00:00:00+00:00"


def test_an_empty_block_beside_another_mistake() -> None:
    """All of it is reported at once."""
    message = refusal(changed(("secrets", {"huggingFaceToken": None}), ("project", "P")))
    assert message.startswith("2 settings in Pulumi.dev.yaml cannot be used")
