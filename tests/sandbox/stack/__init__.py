"""A package, so that its sandbox ends with its last test instead of with the whole run."""
