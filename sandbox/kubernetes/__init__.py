"""The `kubernetes` provider of the sandbox: a bridge from the engine to an API server and to Helm.

It stands in for pulumi-kubernetes 4.34.2 where that plugin is not installed: the same program works on both. Owns what
the official plugin owns: names and namespaces, diffs and replacements, server-side apply, waiting, Helm releases. Does
not own YAML, Kustomize and Chart components, Patch resources and invokes: they answer that they are not supported.
"""
