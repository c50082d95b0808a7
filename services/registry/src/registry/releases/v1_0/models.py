"""How clients of release 1.0 write an address."""

_TIMES = (4, 3, 2)


def said_once(query: bytes) -> bytes:
    """Return a query string as it was meant: some clients append it to itself (``a=b?a=b``).

    Only a repetition is taken away: a question mark inside a value stays where it is.
    """
    for times in _TIMES:
        length, over = divmod(len(query) - times + 1, times)
        first = query[:length] if length > 0 else b""
        if not over and b"?".join([first] * times) == query:
            return first
    return query
