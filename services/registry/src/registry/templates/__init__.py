"""Templates: whole registers to begin with, one's own, shared ones, and some for common domains."""
