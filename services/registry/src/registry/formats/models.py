"""The formats of texts that JSON Schema does not bring along, or not as forms are filled in."""

import re

_TIME = re.compile(
    r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_PHONE = re.compile(r"\+[1-9][0-9]{4,14}")


def is_time(text: str) -> bool:
    """Tell whether a text is a time of day; seconds and zone may be left out."""
    return _TIME.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Tell whether a text is a telephone number as ITU-T E.164 writes it, ``+251911234567``."""
    return _PHONE.fullmatch(text) is not None
