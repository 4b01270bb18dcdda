"""What policies over a whole stack see of a cluster that does not exist yet."""

from __future__ import annotations

import dataclasses

from policies.autoscaling import AUTOSCALER
from policies.clusters import CLUSTER_GATEWAY_API
from policies.gateway_class import GATEWAY_CLASS
from policies.reading import Unknown
from policies.resources import completed, declared
from tests.policies.harness import Made, kubernetes, run
from tests.policies.objects import GLOBAL, gateway, pool_ref, route


def unseen(made: Made) -> Made:
    """The resource as the engine shows it while its provider is not configured: without outputs."""
    return dataclasses.replace(made, props={})


def test_without_outputs_the_inputs_are_judged() -> None:
    """Incident to prevent: a first preview was green with a global class, because no object had outputs yet."""
    stack = [
        gateway(GLOBAL, name="first"),
        route(pool_ref(), name="first", parent=[{"name": "first", "namespace": "gateways"}]),
    ]
    run(CLUSTER_GATEWAY_API, *stack)  # any policy over single resources sees the inputs of all of them
    assert GLOBAL in run(GATEWAY_CLASS, *map(unseen, stack)).only


def test_what_was_never_seen_is_not_green() -> None:
    """Incident to prevent: empty outputs counted as an object without fields, which breaks no rule."""
    stack = [gateway(GLOBAL, name="hidden"), route(pool_ref(), name="hidden")]
    assert "undecided" in run(GATEWAY_CLASS, unseen(stack[0]), stack[1]).rules


def test_defaults_of_the_api_server_are_not_judged() -> None:
    """Incident to prevent: an update failed after everything was created, because the API server had put `replicas: 1`
    into a Deployment that leaves its size to an autoscaler.
    """
    open_size = kubernetes("apps/v1", "Deployment", "scaled", spec={"template": {"spec": {"containers": []}}})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"}
    scaler = kubernetes("autoscaling/v2", "HorizontalPodAutoscaler", "scaled", spec={"scaleTargetRef": target})
    fixed = dataclasses.replace(
        open_size, props={**open_size.props, "spec": {**open_size.props["spec"], "replicas": 1}}
    )
    assert "fixed-replicas" in run(AUTOSCALER, fixed, scaler).rules
    assert "fixed-replicas" not in run(AUTOSCALER, fixed, scaler, shown=[open_size, scaler]).rules


def test_what_a_program_could_not_know_is_taken_from_what_came_of_it() -> None:
    """After an update nothing is undecided any more."""
    inputs = {"spec": {"className": Unknown(), "listeners": [{"port": Unknown()}, {"port": 80}]}}
    outputs = {"spec": {"className": "gke-l7-rilb", "listeners": [{"port": 443}, {"port": 80}], "addresses": []}}
    assert declared(inputs, outputs) == {
        "spec": {"className": "gke-l7-rilb", "listeners": [{"port": 443}, {"port": 80}]}
    }
    assert declared({"spec": {"port": Unknown()}}, {}) == {"spec": {"port": Unknown()}}


def test_what_is_left_to_the_cloud_is_not_undecided() -> None:
    """Incident to prevent: every preview of a subnet without `purpose` was blocked, because its output was not known yet."""
    inputs = {"name": "nodes", "network": Unknown()}
    outputs = {"name": "nodes", "network": Unknown(), "purpose": Unknown(), "region": "us-east5", "role": None}
    assert completed(inputs, outputs) == {"name": "nodes", "network": Unknown(), "region": "us-east5", "role": None}
