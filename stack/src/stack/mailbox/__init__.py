"""The development mailbox: a real SMTP server whose messages a page and JSON show.

For development only: it takes mail for everybody, delivers none, and keeps it in memory. The JSON
is the part of Mailpit's API that the journey uses, in Mailpit's field names, so that either serves.
"""

from stack.mailbox.messages import Store
from stack.mailbox.reading import read_message
from stack.mailbox.servers import Mailbox
from stack.mailbox.smtp import LARGEST_MESSAGE
from stack.mailbox.web import create_app

__all__ = ["LARGEST_MESSAGE", "Mailbox", "Store", "create_app", "read_message"]
