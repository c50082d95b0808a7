"""API keys: who may have one, and when one cannot be given."""

from gateway.configuration.models import Key, is_code
from kit.problems import Conflict, FieldError, Forbidden, Invalid

SHORTEST_KEY = 16
LONGEST_KEY = 256
MADE = "gbk_"
"""How keys begin that are made here."""
_LENGTH_MADE = len(MADE) + 43  # 32 random bytes in base64url


class KeyTaken(Conflict):
    """The id stands for another key, or the key for another id."""

    title = "The API key is taken"


class KeyNotYours(Forbidden):
    """Only administrators choose what a key is."""

    title = "Only administrators choose a key"


class KeyRefused(Invalid):
    """The id or key asked for cannot be one."""

    title = "The API key cannot be like this"


def check(key_id: str | None, key: str | None) -> None:
    """Refuse an id or a key that cannot be one; raise KeyRefused."""
    errors: list[FieldError] = []
    if key_id is not None and not is_code(key_id):
        errors.append(FieldError("#/id", "letters, digits, dots, - and _, not _ at first"))
    if key is not None and not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        errors.append(FieldError("#/key", f"has {SHORTEST_KEY} to {LONGEST_KEY} characters"))
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        errors.append(FieldError("#/key", "printable ASCII without spaces"))
    if key is not None and key.startswith(MADE):
        errors.append(FieldError("#/key", f"does not begin with {MADE}, as made ones do"))
    if errors:
        raise KeyRefused("; ".join(f"{e.pointer}: {e.reason}" for e in errors), errors=errors)


def is_unguessable(key: str) -> bool:
    """Tell whether a key looks like one that is made here, of 256 random bits."""
    return key.startswith(MADE) and len(key) == _LENGTH_MADE


def is_same(one: Key, other: Key) -> bool:
    """Tell whether two are the same key of the same application."""
    return (one.application, one.id, one.digest) == (other.application, other.id, other.digest)
