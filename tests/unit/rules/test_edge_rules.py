"""Protection at the edge, redirects and KServe's own configuration: the rules on plain values."""

from __future__ import annotations

import json

import pytest

from rules import edge, exposure, gateway, kserve_config
from rules.kserve import ROUTE_PRESET, TLS_SWITCH


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("500ms", 500),
        ("2s", 2000),
        ("1s500ms", 1500),
        ("1m", 60000),
        ("", None),
        ("5", None),
        ("5 s", None),
        ("s5", None),
    ],
)
def test_durations(text: str, milliseconds: int | None) -> None:
    """The API's form of a duration, which is Go's without fractions."""
    assert edge.duration_milliseconds(text) == milliseconds


def test_model_armor_settings_are_what_the_callout_reads() -> None:
    """A JSON list; `default` is every model, and one template judges both directions."""
    template = "projects/p/locations/us-east5/templates/t"
    (entry,) = json.loads(edge.model_armor_settings(template))
    assert entry["model"] == "default"
    assert entry["user_prompt_template_id"] == entry["model_response_template_id"] == template


@pytest.mark.parametrize("code", [301, 302])
def test_redirect_codes(code: int) -> None:
    """GKE's conformance reports pass these."""
    rule = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": code}}]}
    assert gateway.check_route_rule(rule, "[0]") == []


@pytest.mark.parametrize("code", [303, 307, 308])
def test_other_redirect_codes(code: int) -> None:
    """They hold up the whole Gateway as any refused route does."""
    rule = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": code}}]}
    (finding,) = gateway.check_route_rule(rule, "[0]")
    assert (finding.rule, finding.path) == ("redirect-code", "[0].filters[0].requestRedirect.statusCode")


def test_a_redirect_loops_only_on_https() -> None:
    """The listener that it leads to must not have it."""
    assert exposure.check_redirect_loop("HTTP", "http", "p") == []
    (finding,) = exposure.check_redirect_loop("HTTPS", "https", "p")
    assert "redirects every request to itself" in finding.reason


def test_two_options_are_two_sources() -> None:
    """Both options on one listener were taken for one source before."""
    options = frozenset({gateway.CERTIFICATE_OPTION, gateway.PRE_SHARED_OPTION})
    (finding,) = exposure.check_certificates("HTTPS", False, options, False, "tls")
    assert finding.value == "several certificate sources"


@pytest.mark.parametrize("word", ["--ssl-certfile=/x", "--ssl_certfile=/x", "--ssl-certfile"])
def test_a_server_with_a_certificate(word: str) -> None:
    """Vllm takes dashes and underscores, and a value after `=` or a blank."""
    assert kserve_config.check_served_tls(["vllm", "serve", word], switched_on=True, path="args") == []
    (finding,) = kserve_config.check_served_tls(["vllm", "serve", word], switched_on=False, path="args")
    assert TLS_SWITCH in finding.reason


def test_route_preset_is_the_one_that_kserve_looks_up() -> None:
    """Its rules are KServe's path rules, catch-all last, and nothing in them is refused."""
    spec = kserve_config.route_preset(gateway="gw", section="https", hostnames=["a.example.com"])
    http = spec["router"]["route"]["http"]["spec"]
    assert ROUTE_PRESET == "kserve-config-llm-router-route"
    assert http["hostnames"] == ["a.example.com"]
    assert gateway.check_route_rules(http["rules"]) == []
    kinds = [rule["backendRefs"][0]["kind"] for rule in http["rules"]]
    assert kinds == ["InferencePool"] * 4 + ["Service"]
