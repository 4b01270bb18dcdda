"""Runs the pack on plain Kubernetes YAML and JSON: no engine, no program, no cluster."""
