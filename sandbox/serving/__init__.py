"""What answers requests in the sandbox: stand-ins for vLLM on TPU, the endpoint picker and plain HTTP services."""
