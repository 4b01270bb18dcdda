"""A small Kubernetes client for everything in the sandbox that talks to an API server."""
