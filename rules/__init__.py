"""What is true of GKE, TPUs, KServe and vLLM: dated tables and pure functions on plain values.

Every fact stands here once, with its source and date, and is used three times: settings refuse a bad value before
anything runs, components build right objects from it, and policies judge what the engine is about to create. Nothing
here imports Pulumi or pydantic, reads a file outside `rules/data`, or talks to a network.
"""
