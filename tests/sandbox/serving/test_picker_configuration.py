"""Which configurations and command lines the endpoint picker takes."""

from __future__ import annotations

import pytest

from sandbox.serving.picker import config, flags
from tests.sandbox.serving.picker_input import PROFILE, text


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"scheduling": []}, 'strict decoding error: unknown field "scheduling"'),
        ({"plugins": [{"type": "prefix-scorer"}]}, "plugin type 'prefix-scorer' is not registered"),
        ({"plugins": [{"type": "queue-scorer", "weight": 1}]}, 'unknown field "plugins[0].weight"'),
        ({"plugins": [{"name": "x"}]}, "plugin 'x' is missing a type"),
        ({"plugins": [{"type": "queue-scorer"}, {"type": "queue-scorer"}]}, "duplicate plugin name 'queue-scorer'"),
        (
            {"plugins": [{"type": "load-aware-scorer", "parameters": {"treshold": 1}}]},
            "failed to create plugin 'load-aware-scorer' (type: load-aware-scorer): json: unknown field \"treshold\"",
        ),
        ({"plugins": []}, "schedulingProfiles[default] references undefined plugin 'decode-filter'"),
        ({"schedulingProfiles": [{"plugins": []}]}, "schedulingProfiles[0] is missing a name"),
        ({"schedulingProfiles": [PROFILE, PROFILE]}, "has duplicate name 'default'"),
        ({"kind": "Config"}, 'no kind "Config" is registered'),
        ({"apiVersion": "v1"}, 'for version "v1"'),
        ({"saturationDetector": {"pluginRef": "mine"}}, "saturation detector references undefined plugin 'mine'"),
        ({"plugins": "none"}, "cannot unmarshal field EndpointPickerConfig.plugins"),
    ],
)
def test_a_configuration_is_decoded_strictly(changed: dict[str, object], says: str) -> None:
    """A misspelt field ends the picker; the pool then fails open and nobody routes by cache."""
    with pytest.raises(config.ConfigError) as caught:
        config.load(text(**changed))
    assert says in str(caught.value)


def test_kserves_own_default_is_accepted() -> None:
    """YAML with the old API group, as KServe 0.20 writes it where a service configures nothing."""
    loaded = config.load("""
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: single-profile-handler
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: no-hit-lru-scorer
- type: max-score-picker
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
    weight: 2
  - pluginRef: kv-cache-utilization-scorer
    weight: 2
  - pluginRef: prefix-cache-scorer
    weight: 3
  - pluginRef: no-hit-lru-scorer
    weight: 2
  - pluginRef: max-score-picker
""")
    assert [(plugin.type, weight) for plugin, weight in loaded.profiles[0].scorers][2] == ("prefix-cache-scorer", 3.0)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--pool-nam=x"], 2, "unknown flag: --pool-nam"),
        (["--kv-cache-usage-percentage-metric=x", "--pool-name=p"], 1, "is deprecated and cannot be used"),
        ([], 1, "either pool-name or endpoint-selector must be set"),
        (["--pool-name=p", "--config-text=a", "--config-file=b"], 1, "can not be set at the same time"),
        (["--pool-name=p", "--config-file=/nowhere"], 1, "failed to load config from a file '/nowhere'"),
        (["--pool-name=p", "--grpc-port=x"], 2, 'invalid argument "x" for "--grpc-port" flag'),
        (["--pool-name"], 2, "flag needs an argument: --pool-name"),
        (["--pool-name=p", "--model-server-metrics-scheme=ftp"], 1, "it can only be set to 'http' or 'https'"),
    ],
)
def test_a_wrong_command_line_ends_it(words: list[str], code: int, says: str) -> None:
    """A newer image dropped flags that a manifest still passed, and the picker crash-looped."""
    with pytest.raises(flags.FlagError) as caught:
        flags.parse(words, namespace="models", root=None)
    assert caught.value.exit_code == code
    assert says in str(caught.value)


def test_flags_in_all_spellings_are_read() -> None:
    """KServe rewrites `--config-text`, `-configText` and the like."""
    parsed = flags.parse(
        ["-poolName", "p", "--secure-serving=false", "--refreshMetricsInterval=1m30s"], namespace="n", root=None
    )
    assert (parsed.pool_name, parsed.pool_namespace, parsed.secure) == ("p", "n", False)
    assert parsed.refresh_seconds == 90
