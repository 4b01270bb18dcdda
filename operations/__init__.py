"""What people run around a deployment."""
