"""The OpenAPI document of one version of a registry: its services as they can be called."""
