"""Rights: who may do what with a database's records, decided in one place."""
