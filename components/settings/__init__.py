"""What a stack can set: typed, immutable, and refused with a remedy before anything is created.

Owns the shape of `gke-tpu-inference:platform` in Pulumi.<stack>.yaml, one group of settings a module, and every check that
needs no cloud. Facts about GKE and TPUs are not here but in `rules/`; these models ask them. Holds no secrets and no
`Output`s: a value that only exists after an update has no place in a file that is reviewed before it.
"""

from __future__ import annotations

import gc

# Making sixty classes leaves nothing to collect, and each look through all objects of the SDK takes 10 to 30 ms.
_collecting = gc.isenabled()
gc.disable()
try:
    from components.settings.stack import Settings
finally:
    if _collecting:
        gc.enable()

__all__ = ["Settings"]
