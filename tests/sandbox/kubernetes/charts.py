"""A small chart for tests of releases, and how to find the Helm that works on it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

RELEASE: Final = "kubernetes:helm.sh/v3:Release"

TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: demo}
data: {greeting: "{{ .Values.greeting }}"}
"""

POD_THAT_NEVER_RUNS = """
apiVersion: v1
kind: Pod
metadata: {name: never}
spec:
  nodeSelector: {no-such: node}
  containers: [{name: c, image: example.com/c}]
"""


def make_chart(folder: Path) -> Path:
    """Writes a chart `demo` with one ConfigMap."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: demo\nversion: 1.2.3\nappVersion: '9'\n")
    (folder / "values.yaml").write_text("greeting: hello\n")
    (folder / "templates" / "config.yaml").write_text(TEMPLATE)
    return folder


def helm_processes(word: str) -> list[int]:
    """Processes whose command line is a Helm with `word` in it."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if Path(command[0]).name == "helm" and word in command:
                found.append(int(entry.name))
    return found
