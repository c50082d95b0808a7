"""Keys: whose cryptographic signatures count."""
