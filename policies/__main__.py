"""Builds the policy pack, and nothing else, when the engine asks for it.

The engine runs this folder through `pulumi.policy`, with its own address as the first argument and without a package.
A person runs `python -m policies check …` (or `python PATH/TO/policies check …` from anywhere), which is the same file;
then the pack is not served, and the check takes over.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The engine runs the pack in its own directory; `policies` and `rules` are importable from the one above.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if __package__ or sys.argv[1:2] == ["check"]:
    try:
        from policies.check.command import main
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] in ("policies", "rules"):
            raise
        sys.stderr.write(
            f"error: this Python ({sys.executable}) has no package {error.name}. Run `make setup` and use .venv/bin/python, "
            "or install requirements.txt.\n"
        )
        sys.exit(2)
    from policies.pace import set_pace

    set_pace()
    sys.exit(main())

from pulumi_policy import EnforcementLevel, PolicyPack, policy

from policies.pace import set_pace
from policies.pack import NAME, POLICIES
from policies.unpacked import install

install(policy)
set_pace()

PolicyPack(name=NAME, policies=POLICIES, enforcement_level=EnforcementLevel.MANDATORY)
