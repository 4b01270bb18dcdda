"""Somebody dies in the middle of an update; the next one continues it and makes nothing twice.

Clusters are records here, and the simulated cloud holds up the operation in question until the test lets it go on, so
that each kill strikes in the middle of it.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import psutil
import pytest

from operations.recover import MARK
from tests.sandbox.stack.harness import Running, Stack, cli
from tests.sandbox.support import eventually, gone

CLUSTERS = "container.clusters"
POOLS = "container.nodePools"
CLUSTER_ID = "projects/tpu-inference-dev/locations/us-east5-b/clusters/inference-dev"


def under_way(stack: Stack, kind: str, *, operations: int = 1) -> Running:
    """An update that waits for creations of `kind`, which the cloud has begun and does not end."""
    stack.start()
    stack.fault(effect="neverEnding", match={"type": kind, "operation": "create"})
    running = stack.begin("up", "--skip-preview")
    running.until(lambda: len(stack.operations(kind)) == operations, f"{kind} are being created")
    return running


def creating(stack: Stack) -> list[str]:
    """Names of the resources whose creation the engine has begun, and not seen the end of."""
    pending = stack.state().get("pending_operations") or []
    return [operation["resource"]["urn"].rpartition("::")[2] for operation in pending]


def converges(stack: Stack) -> None:
    """The next update ends well; everything exists once, nothing is pending, and nothing is left to do."""
    result = stack.run("up", "--skip-preview")
    assert result.code == 0, result.output
    ids = [resource["id"] for resource in stack.resources()]
    assert len(ids) == len(set(ids))
    assert sorted(ids) == sorted(stack.cloud_ids())
    assert not stack.state().get("pending_operations")
    assert not [resource["urn"] for resource in stack.state()["resources"] if resource.get("initErrors")]
    again = stack.run("up", "--skip-preview", "--expect-no-changes")
    assert again.code == 0, again.output


def test_engine_killed_while_the_cluster_is_created(foundation: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    """The cloud goes on without the engine; the next update finds the cluster, waits for it and uses it.

    `pulumi refresh --import-pending-creates` forgot it, and the next create was answered "Already exists".
    """
    running = under_way(foundation, CLUSTERS)
    family = running.family()
    running.kill()
    eventually(lambda: gone(family), "plugins, program and policies end with their engine", timeout=10)
    foundation.forget_faults()
    converges(foundation)
    said = capfd.readouterr().err
    assert "the engine that worked on stack dev is gone; removing its lock" in said
    assert "an earlier update was cut off while creating cluster (gcp:container/cluster:Cluster)" in said
    (cluster,) = [resource for resource in foundation.state()["resources"] if resource.get("id") == CLUSTER_ID]
    assert cluster["outputs"]["endpoint"]


def test_engine_killed_while_node_pools_are_created(foundation: Stack) -> None:
    """Two creations at once were cut off: the one that exists is taken in, the one that does not is made."""
    running = under_way(foundation, POOLS, operations=2)
    running.kill()
    foundation.forget_faults()
    eventually(lambda: not foundation.operations(POOLS), "the pools are made")
    foundation.remove(POOLS, f"{CLUSTER_ID}/nodePools/system")
    converges(foundation)


def test_recovery_that_is_killed_as_well(foundation: Stack) -> None:
    """What was taken up and not read is known as such, and a cluster that is still being made is waited for.

    Read too early, it would have no address; believed without being read, it might not even exist.
    """
    under_way(foundation, CLUSTERS).kill()
    first = recovering(foundation)
    first.until(lambda: reading(first), "the engine reads the cluster")
    family = first.family()
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert first.end().code != 0
    eventually(lambda: gone(family), "the engine has ended: until then it holds its lock")
    (unread,) = [resource for resource in foundation.state()["resources"] if resource.get("initErrors")]
    assert (unread["id"], unread["initErrors"]) == (CLUSTER_ID, [MARK])
    second = recovering(foundation)
    second.until(lambda: reading(second), "the engine reads the cluster")
    foundation.forget_faults()
    ended = second.end()
    assert ended.code == 0, ended.output
    converges(foundation)


def test_provider_killed_while_the_cluster_is_created(foundation: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    """The engine takes the creation for failed and forgets it; what the cloud has made since is found by its name."""
    running = under_way(foundation, CLUSTERS)
    running.part("sandbox.gcp").kill()
    result = running.end()
    assert result.code != 0
    assert not foundation.state().get("pending_operations")
    foundation.forget_faults()
    converges(foundation)
    assert "the last update failed; looking up" in capfd.readouterr().err


def test_second_engine(foundation: Stack) -> None:
    """What an engine at work has begun is not taken for cut off: a preview shows, an update is refused, it goes on."""
    running = under_way(foundation, CLUSTERS)
    assert foundation.run("preview").code == 0
    refused = foundation.run("up", "--skip-preview")
    assert refused.code != 0
    assert "the stack is currently locked by 1 lock(s)" in refused.output
    foundation.forget_faults()
    result = running.end()
    assert result.code == 0, result.output


def test_interrupt(foundation: Stack) -> None:
    """Ctrl-C: the engine writes down what it has begun, nothing is left running, and the next update goes on with it."""
    running = under_way(foundation, CLUSTERS)
    running.until(lambda: creating(foundation) == ["cluster"], "nothing else is being created")
    family = running.family()
    running.interrupt()
    result = running.end()
    assert result.code != 0
    assert "cancelling" in result.output
    eventually(lambda: gone(family), "nothing of the engine runs", timeout=10)
    assert [resource["id"] for resource in foundation.state()["resources"] if resource.get("initErrors")] == [
        CLUSTER_ID
    ]
    foundation.forget_faults()
    converges(foundation)


def protect(settings: dict[str, Any]) -> None:
    """The cluster may not be deleted, as in prod."""
    settings["cluster"]["deletionProtection"] = True


def test_destroy_of_a_protected_cluster(foundation: Stack) -> None:
    """It is refused, before anything is deleted, until the setting is changed and applied; then nothing is left in the cloud."""
    assert foundation.run("up", "--skip-preview", change=protect).code == 0
    before = sorted(resource["id"] for resource in foundation.resources())
    refused = foundation.run("destroy")
    assert refused.code != 0
    assert "protected" in refused.output
    asked = cli(foundation.workspace.home, "destroy").end()
    assert asked.code == 1
    assert (
        "inference-dev is protected; nothing was deleted. Set cluster.deletionProtection in Pulumi.dev" in asked.output
    )
    assert sorted(resource["id"] for resource in foundation.resources()) == before, "the refusal comes first"
    assert foundation.engine().protected() == ["inference-dev"]
    assert foundation.run("up", "--skip-preview").code == 0
    assert foundation.engine().protected() == []
    assert foundation.run("destroy", "--skip-preview").code == 0
    assert foundation.resources() == []


def recovering(stack: Stack) -> Running:
    """`python -m operations.recover`, as people run it on any stack."""
    stack.engine().clear_lock()
    command = [sys.executable, "-m", "operations.recover", "--stack", stack.name]
    return Running(command, folder=stack.workspace.configurations, environment=stack.workspace.environment())


def reading(recovery: Running) -> bool:
    """Whether the engine has started the provider to read what was taken up."""
    lines: list[list[str]] = []
    for process in recovery.family():
        with suppress(psutil.Error):  # it may have ended meanwhile
            lines.append(process.cmdline())
    return any("refresh" in line for line in lines) and any("sandbox.gcp" in line for line in lines)
