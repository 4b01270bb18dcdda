"""The light classes register exactly what the SDKs' would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from components.light import FULL_SDK, Nested, spelled
from sandbox.home import CHECKOUT

_PROGRAM = """
import json, sys
from tests.committed import committed
from tests.components.recording import build
graph = build(committed(sys.argv[1]), stack=sys.argv[1], preview=sys.argv[2] == "preview")
def said(resource):
    return [resource.type, resource.name, resource.version, resource.parent, sorted(resource.dependencies), resource.inputs]
json.dump({"resources": sorted(map(said, graph), key=str), "outputs": graph.outputs}, sys.stdout, default=str, sort_keys=True)
"""


def registered(stack: str, mode: str, *, full: bool) -> Any:
    """What the program registers, run by itself so that the choice of classes is its own."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)} | ({FULL_SDK: "1"} if full else {})
    command = [sys.executable, "-c", _PROGRAM, stack, mode]
    ran = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize("mode", ["preview", "update"])
def test_light_classes_register_what_the_sdk_does(stack: str, mode: str) -> None:
    """Types, names, versions, parents, dependencies, inputs and outputs are the same with the SDKs' own classes."""
    light, full = registered(stack, mode, full=False), registered(stack, mode, full=True)
    assert len(light["resources"]) > 40
    assert light["outputs"] == full["outputs"]
    assert light["resources"] == full["resources"]


def test_keys_are_spelled_as_the_engine_does_except_the_users_own() -> None:
    """Property names are translated at every depth; labels are the user's words and stay."""
    own = {"my_team": "a"}
    given = {"node_config": {"boot_disk": {"disk_type": "x"}, "labels": own}, "user_labels": own, "name": None}
    assert spelled(given) == {"nodeConfig": {"bootDisk": {"diskType": "x"}, "labels": own}, "userLabels": own}


def test_nested_outputs_are_read_by_attribute() -> None:
    """`cluster.master_auth.apply(lambda auth: auth.cluster_ca_certificate)` works with either class."""
    assert Nested({"clusterCaCertificate": "PEM"}).cluster_ca_certificate == "PEM"
    assert Nested({}).cluster_ca_certificate is None
