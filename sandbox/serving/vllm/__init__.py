"""Stand-in for vLLM on TPU: the same command line, paths, errors and metrics, with a model of its speed."""
