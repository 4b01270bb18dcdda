"""Builds the policy pack, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

# The engine runs the pack in its own directory; `policies` and `rules` are importable from the one above.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulumi_policy import EnforcementLevel, PolicyPack

from policies.pack import NAME, POLICIES

PolicyPack(name=NAME, policies=POLICIES, enforcement_level=EnforcementLevel.MANDATORY)
