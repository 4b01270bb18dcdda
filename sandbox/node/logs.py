"""The logs of pods' containers: where they are and how a person reads them.

Owns: the layout `<cluster>/logs/pods/<namespace>_<pod>/<container>.log` and `make logs`. Does not own writing: processes
write by themselves. A container's runs follow each other in one file, so that the reason of a crash stays readable.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.node import addresses

_TAIL_BYTES = 2048
"""What a kubelet takes over from a log as termination message (FallbackToLogsOnError)."""


class LogError(Exception):
    """There is no such log; the message names what there is."""


def log_file(home: Path, namespace: str, pod: str, container: str) -> Path:
    """The log of one container in the cluster whose directory is `home`."""
    return home / "logs" / "pods" / f"{namespace}_{pod}" / f"{container}.log"


def note(log: Path, text: str) -> None:
    """Adds a line of the node agent's own to a log."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with log.open("a") as file:
        file.write(f"--- {text}\n")


def tail(log: Path) -> str:
    """The end of a log, as much as a termination message may hold; empty when there is none."""
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - _TAIL_BYTES, 0))
        return file.read().decode(errors="replace")


def show_logs(home: Path, pod: str, container: str | None = None) -> int:
    """Prints what the containers of `pod` (namespace/name) have written, in every cluster of the sandbox that has it.

    Raises:
        LogError: the sandbox has no such pod, no such container in it, or the pod is only simulated.
    """
    namespace, _, name = pod.partition("/")
    clusters = [path for path in sorted((home / "clusters").glob("*")) if path.is_dir()]
    simulated, logged = _pods(clusters)
    files = [
        file
        for cluster in clusters
        for file in sorted((cluster / "logs" / "pods" / f"{namespace}_{name}").glob("*.log"))
    ]
    if not files:
        if pod in simulated:
            raise LogError(f"{pod} is simulated: nobody knows how to run its image here, so it writes nothing")
        known = f"one of: {', '.join(logged)}" if logged else "once a pod runs; make status shows what exists"
        raise LogError(f"{pod!r} names no pod with a log. Write POD=namespace/name, {known}")
    chosen = [file for file in files if container is None or file.stem == container]
    if not chosen:
        raise LogError(f"{pod} has no container {container}; it has {', '.join(sorted({f.stem for f in files}))}")
    for file in chosen:
        if len(chosen) > 1:
            sys.stdout.write(f"==> {file.stem} <==\n")
        sys.stdout.write(file.read_text(errors="replace"))
    return 0


def _pods(clusters: list[Path]) -> tuple[set[str], list[str]]:
    """The pods that are simulated, and those with a log: first what runs, then what has ended, marked as such."""
    simulated: set[str] = set()
    logged: set[str] = set()
    running: set[str] = set()
    for cluster in clusters:
        logged |= {path.name.replace("_", "/", 1) for path in (cluster / "logs" / "pods").glob("*_*") if path.is_dir()}
        here = addresses.read(addresses.file_of(cluster))
        running |= here.keys()
        simulated |= {key for key, pod in here.items() if not pod.ports}
    return simulated - logged, [*sorted(logged & running), *(f"{pod} (ended)" for pod in sorted(logged - running))]
