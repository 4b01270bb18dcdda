"""Runs the simulated Google Cloud in the foreground until SIGINT or SIGTERM: `python -m sandbox.cloud`."""

from __future__ import annotations

import sys

from sandbox.cloud.daemon import main

sys.exit(main())
