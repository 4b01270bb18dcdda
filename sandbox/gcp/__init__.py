"""The simulated `gcp` provider plugin: the official provider's resource types on the simulated Google Cloud."""
