"""Imports: files of records taken into a database, row by row, with a report."""
