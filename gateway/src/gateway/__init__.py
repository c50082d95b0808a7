"""The information mediator: every exchange identified, allowed, forwarded and logged."""
