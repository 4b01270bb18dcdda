"""Ctrl-C while the engine works: the engine answers it, and its parent waits for the answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

_ENGINE = """
import signal, sys, time
def cancel(*_):
    time.sleep(1.0)  # longer than Python's own patience with an interrupted child
    open(sys.argv[1], "w").write("state written")
    sys.exit(7)
signal.signal(signal.SIGINT, cancel)
print("ready", flush=True)
while True:
    signal.pause()
"""

_PARENT = """
import sys
from operations.attended import attend
sys.exit(attend(sys.argv[1:]))
"""


def test_interrupt_is_left_to_the_engine(tmp_path: Path) -> None:
    """`subprocess.run` kills its child a quarter of a second after Ctrl-C: the engine could not write its state."""
    state = tmp_path / "state"
    command = [sys.executable, "-c", _PARENT, sys.executable, "-c", _ENGINE, str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.wait(30) == 7
    assert state.read_text() == "state written"
