"""How a request arrives, before anything of it is believed."""
