"""The consent building block: agreements, what individuals gave under them, and the proof of it."""
