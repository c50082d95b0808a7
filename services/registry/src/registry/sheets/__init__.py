"""Sheets: tables as spreadsheet files carry them."""
