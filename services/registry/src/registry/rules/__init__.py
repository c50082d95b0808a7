"""Rules: what values must fit, as standard JSON Schema."""
