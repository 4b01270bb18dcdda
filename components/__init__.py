"""The platform's parts, one Pulumi component a file, and the settings they are built from."""
