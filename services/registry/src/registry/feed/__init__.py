"""Feed: what changed in a registry since somebody asked last."""
