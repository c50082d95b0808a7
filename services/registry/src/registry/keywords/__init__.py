"""Keywords: what an analyst may say of a field."""
