"""Transmissions: what passed under consents, told to who keeps the consents."""
