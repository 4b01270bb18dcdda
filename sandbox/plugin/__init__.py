"""What every provider plugin of the sandbox shares: values on the wire, and serving the resource provider protocol."""
