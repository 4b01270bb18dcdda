"""The sandbox's commands: `python -m sandbox up|preview|destroy|down|status|logs|faults|tools|env`; `make` calls them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from sandbox import assumptions, clock, daemon, ordering, traffic, turns
from sandbox.balancer import report
from sandbox.daemon import CloudError
from sandbox.engine import Engine
from sandbox.home import sandbox_home
from sandbox.node.logs import LogError, show_logs
from sandbox.status import show_status
from sandbox.toolchain import ToolchainError, Tools, actionlint
from sandbox.toolchain.progress import Progress
from sandbox.workspace import Workspace, WorkspaceError, committed

_NEXT = {
    "up": "Nothing is lost: correct what is said above and run make up again. make status shows what exists.",
    "preview": "Nothing was changed. Correct what is said above and run make preview again.",
    "destroy": "Correct what is said above and run it again, or remove the whole sandbox with make down.",
}


def _workspace(stack: str, progress: Progress) -> Workspace:
    clock.speed()
    committed(stack)  # a mistake in its name should not be told after minutes of building tools
    workspace = Workspace(Tools.ensure(progress))
    workspace.prepare()
    return workspace


def _engine(workspace: Workspace, stack: str, progress: Progress) -> Engine:
    config_file = workspace.configuration(stack)
    stranded = daemon.start(workspace.home, workspace.environment())
    if warning := ordering.follow_speed(workspace.home):
        progress.say(f"warning: {warning}")
    engine = Engine(workspace, stack, config_file)
    for cluster, reason in stranded.items():
        message = f"{cluster} could not be started again: {reason}"
        if engine.holds(cluster):
            raise CloudError(message)
        progress.say(f"warning: {message}")
    return engine


def _operate(operation: str, stack: str, options: Sequence[str], faults: str | None = None) -> int:
    progress = Progress()
    script = ordering.script(faults) if faults else None
    workspace = _workspace(stack, progress)
    turn = nullcontext() if operation == "preview" else turns.taken(workspace.home, stack, operation)
    with turn:
        found_running = daemon.address(workspace.home) is not None
        engine = _engine(workspace, stack, progress)
        if script is not None:
            ordering.play(workspace.home, script)
        code = _run(engine, operation, options, progress)
    if operation == "destroy" and code == 0:
        progress.say(f"Nothing more is to do for {stack}: no pulumi stack rm. The sandbox runs; make down ends it.")
    elif operation != "up" and not found_running:
        progress.say("The sandbox runs; make down ends it.")
    return code


def _run(engine: Engine, operation: str, options: Sequence[str], progress: Progress) -> int:
    stack = engine.stack
    if count := ordering.active(engine.workspace.home):
        progress.say(f"{count} faults are ordered; make faults FAULTS=clear ends them")
    if operation != "preview" and (pid := engine.clear_lock()) is not None:
        raise turns.BusyError(f"the engine of a command that has ended (pid {pid}) still works on {stack}; wait for it")
    if operation == "destroy" and (names := engine.protected()):
        # Without its preview the engine would find out on the way, with half of the stack gone.
        sys.stderr.write(
            f"error: {', '.join(names)} is protected; nothing was deleted. Set cluster.deletionProtection in "
            f"Pulumi.{stack}.yaml to false, run make up STACK={stack}, then make destroy STACK={stack}.\n"
        )
        return 1
    code = engine.ensure_stack() or engine.recover() or engine.operate(operation, *options)
    if code != 0:
        sys.stderr.write(f"\n{next_step(operation, code)}\n")
    if code == 0 and operation == "up":
        assumptions.tell(engine.workspace.home, engine.holds, progress)
        code = _show_traffic(engine)
    return 1 if code < 0 else code


def next_step(operation: str, code: int) -> str:
    """What to do after an operation that failed; a negative code is the signal that has ended the engine."""
    return f"The engine was ended by signal {-code}; run make {operation} again." if code < 0 else _NEXT[operation]


def _show_traffic(engine: Engine) -> int:
    """Waits until requests get through, and says where to send them."""
    home = engine.workspace.home
    missing = traffic.wait(home, engine.holds, Progress())
    sys.stdout.write("".join(f"{line}\n" for line in report.urls(home)))
    for line in missing:
        sys.stderr.write(f"error: {line}\n")
    if missing:
        sys.stderr.write("\nEverything is created, and this does not serve. make status shows it, make logs why.\n")
    return 1 if missing else 0


def _down(progress: Progress) -> int:
    home = sandbox_home()
    daemon.stop(home)
    daemon.remove(home)
    progress.say(f"The sandbox is gone: no process of it runs, and {home} is removed. Built tools stay in the cache.")
    return 0


def _environment() -> int:
    environment = Workspace(Tools.load()).environment()
    for name in sorted(name for name, value in environment.items() if os.environ.get(name) != value):
        sys.stdout.write(f"export {name}='{environment[name]}'\n")
    return 0


def _tools(progress: Progress, *, lint: bool) -> int:
    if lint:
        sys.stdout.write(f"{actionlint(progress)}\n")
    else:
        Tools.ensure(progress)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox", description="Google Cloud on one machine, for this program.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("up", "preview and apply a stack"),
        ("preview", "show what up would change"),
        ("destroy", "delete everything of one stack, as on the real cloud"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--stack", default="dev", help="dev, prod or another Pulumi.<stack>.yaml")
        if name == "up":
            command.add_argument("--faults", help="a fault script, see docs/sandbox.md")
        command.add_argument("options", nargs="*", help="further options of pulumi, after --")
    commands.add_parser("down", help="end and remove the whole sandbox")
    commands.add_parser("status", help="show what runs")
    logs = commands.add_parser("logs", help="print what a pod has written")
    logs.add_argument("pod", help="namespace/name")
    logs.add_argument("--container", help="one of its containers; all when left out")
    faults = commands.add_parser("faults", help="set, show or clear the errors the simulated cloud gives on order")
    faults.add_argument("what", metavar="PATH|show|clear", help="a fault script, see docs/sandbox.md")
    commands.add_parser("env", help="print the environment for using pulumi directly")
    commands.add_parser("tools", help="build the tools").add_argument("--lint", action="store_true")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; every expected failure is one message and a non-zero exit code."""
    options = _parser().parse_args(arguments)
    progress = Progress()
    commands: dict[str, Callable[[], int]] = {
        "down": lambda: _down(progress),
        "status": lambda: show_status(sandbox_home()),
        "logs": lambda: show_logs(sandbox_home(), options.pod, options.container),
        "faults": lambda: ordering.command(sandbox_home(), options.what),
        "env": _environment,
        "tools": lambda: _tools(progress, lint=options.lint),
    }
    run = commands.get(
        options.command,
        lambda: _operate(options.command, options.stack, options.options, getattr(options, "faults", None)),
    )
    try:
        return run()
    except (ToolchainError, WorkspaceError, CloudError, LogError, clock.SpeedError, turns.BusyError) as error:
        sys.stderr.write(f"error: {error}\n")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
