"""A model whose size nobody knows: neither its address nor its name tells a number of parameters.

Owns the words. Does not own what a name tells (`memory.parameters_billion`).
"""

from __future__ import annotations

from rules.finding import Finding


def unknown_size(name: str, path: str) -> Finding:
    """The finding for the model of that name."""
    return Finding(
        path=path,
        value=name,
        reason="this tells no number of parameters, so nobody has checked that the weights fit the memory of the chips: "
        "where they do not, the server runs out of memory while it loads them",
        remedy="Compare the size of its files with 90 % of the chips' memory, and exempt this finding with what you found; or "
        "serve it under a name with its size, as in Qwen2.5-7B, which is judged instead.",
        certain=False,
        rule="unknown-size",
    )
