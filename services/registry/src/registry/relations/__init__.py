"""Relations: from one record to those it is linked with, in either direction."""
