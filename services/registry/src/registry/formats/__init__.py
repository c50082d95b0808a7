"""Formats: what some texts must look like."""
