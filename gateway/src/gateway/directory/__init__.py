"""Who is registered and what they offer."""
