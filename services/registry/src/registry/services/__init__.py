"""The services a database offers: the generated ones, copies of them, and views."""
