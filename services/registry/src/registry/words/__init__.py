"""Words: how texts of any script are cut into what can be searched for."""
