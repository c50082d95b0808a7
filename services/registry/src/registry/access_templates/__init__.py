"""Access templates: policies that several databases take over."""
