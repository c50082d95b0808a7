"""Listing: records that match, searched, filtered, sorted and in pages."""
