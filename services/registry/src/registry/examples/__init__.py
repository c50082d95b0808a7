"""Examples: values that fit."""
