"""E-mails: accepted, queued, handed to a mail server, and counted by state."""
