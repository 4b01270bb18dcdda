"""What the provider refuses before anything is asked of the cloud: the official plugin's schema, and its words."""

from __future__ import annotations

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.gcp import generate, schema
from sandbox.gcp.catalog import TYPES
from sandbox.plugin.values import UNKNOWN, Properties
from tests.sandbox.gcp.driver import Engine, ProviderError, context
from tests.sandbox.gcp.world import World


def test_the_schema_is_the_installed_sdks() -> None:
    """The generated file follows the SDK's version; `python -m sandbox.gcp.generate` renews it."""
    assert schema.document() == generate.build()


@pytest.mark.parametrize("kind", TYPES.values(), ids=lambda kind: kind.noun)
def test_every_rule_names_a_property(kind: object) -> None:
    """A replace rule with a misspelt path would silently never apply."""
    resource = next(item for item in TYPES.values() if item is kind)
    paths = {*resource.force_new, *resource.computed, *resource.links, *resource.sets, *resource.enums}
    for path in (*paths, *resource.defaults, *resource.unsettles):
        fields = schema.inputs_of(resource.type)
        for part in path.split("."):
            assert part in fields, f"{resource.type}: {path}"
            nested = schema.document()["types"].get(fields[part].strip("[]{}"), {})
            fields = nested.get("properties", {})


@pytest.mark.parametrize(
    ("kind", "inputs", "path", "text"),
    [
        ("Network", {"nmae": "main"}, "nmae", "Examine values at 'x.nmae'. Did you mean 'name'?"),
        (
            "NodePool",
            World.pool_inputs({"machine_type": "ct6e-standard-4t"}),
            "nodeConfig.machine_type",
            "Invalid or unknown key. Examine values at 'x.nodeConfig.machine_type'. Did you mean 'machineType'?",
        ),
        (
            "Subnetwork",
            {"ipCidrRange": "10.0.0.0/20"},
            "network",
            'The argument "network" is required, but no definition was found.',
        ),
        ("Subnetwork", {"network": "main"}, "ipCidrRange", 'The argument "ip_cidr_range" is required'),
        (
            "NodePool",
            World.pool_inputs(nodeCount="many"),
            "nodeCount",
            "expected type 'integer', got 'string' value \"many\"",
        ),
        ("NodePool", World.pool_inputs(nodeLocations="us-east5-b"), "nodeLocations", "expected type 'list'"),
        ("NodePool", World.pool_inputs(nodeCount=-1), "nodeCount", "to be at least (0), got -1"),
        (
            "NodePool",
            World.pool_inputs(autoscaling={"maxNodeCount": 1, "totalMaxNodeCount": 1}),
            "autoscaling",
            "Conflicting configuration arguments",
        ),
        (
            "NodePool",
            World.pool_inputs({"taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}]}),
            "nodeConfig.taints[0].effect",
            'to be one of ["NO_SCHEDULE" "PREFER_NO_SCHEDULE" "NO_EXECUTE"], got "NoSchedule"',
        ),
        (
            "Cluster",
            World.cluster_inputs(gatewayApiConfig={"channel": "standard"}),
            "gatewayApiConfig.channel",
            'to be one of ["CHANNEL_DISABLED" "CHANNEL_EXPERIMENTAL" "CHANNEL_STANDARD"], got "standard"',
        ),
        ("IAMMember", {"project": "p", "role": "roles/viewer", "member": "nobody"}, "member", "write TYPE:IDENTITY"),
    ],
)
def test_refused_inputs(engine: Engine, kind: str, inputs: Properties, path: str, text: str) -> None:
    """The failure names the property as the program writes it."""
    assert text in engine.failures(kind, "x", inputs)[path]


def test_unknowns_are_not_judged(engine: Engine) -> None:
    """A value that depends on another resource may turn out right."""
    inputs = World.pool_inputs({"taints": UNKNOWN, "labels": {"a": UNKNOWN}}, nodeCount=UNKNOWN, autoscaling=UNKNOWN)
    assert engine.failures("NodePool", "x", inputs) == {}


def test_an_unknown_type_is_named(engine: Engine) -> None:
    """A type outside the sandbox says so instead of doing nothing."""
    request = provider_pb2.CheckRequest(urn="urn:pulumi:dev::demo::gcp:storage/bucket:Bucket::models")
    with pytest.raises(
        ProviderError, match=r"the sandbox does not simulate gcp:storage/bucket:Bucket. It simulates gcp:"
    ):
        engine.provider.Check(request, context())


def test_an_unknown_function_is_named(engine: Engine) -> None:
    """So does a function."""
    request = provider_pb2.InvokeRequest(tok="gcp:compute/getZones:getZones")
    with pytest.raises(ProviderError, match=r"does not simulate the function gcp:compute/getZones:getZones. It has"):
        engine.provider.Invoke(request, context())
