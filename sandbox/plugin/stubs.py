"""Loading the engine protocol's stubs without the rest of the Pulumi SDK.

`from pulumi.runtime.proto import …` runs `pulumi/__init__.py`, which imports the SDK: 0.35 s on a 2-core machine, a third
of it without. For programs that are a plugin and nothing else; never call it where `import pulumi` may follow.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types


def load_stubs_alone() -> None:
    """Registers `pulumi`, `pulumi.runtime` and `pulumi.runtime.proto` as bare packages, so that only stubs are run."""
    spec = importlib.machinery.PathFinder.find_spec("pulumi")
    if "pulumi" in sys.modules or spec is None or not spec.submodule_search_locations:
        return
    root = next(iter(spec.submodule_search_locations))
    for name, folder in (("pulumi", ""), ("pulumi.runtime", "/runtime"), ("pulumi.runtime.proto", "/runtime/proto")):
        package = types.ModuleType(name)
        package.__path__ = [root + folder]
        sys.modules[name] = package
