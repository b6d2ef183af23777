"""Text that came from outside, made safe for one line of a log or terminal."""


def printable(text: str) -> str:
    r"""A text with everything escaped that could start a line, move a cursor or turn the direction of reading.

    Letters of every script stay as they are; controls, line separators, bidirectional marks, lone surrogates and other
    characters that do not print become `\n`, `\x1b` or `\u202e`.

    Args:
        text: Any text.

    Example:
        >>> printable("ada\nINFO forged")
        'ada\\nINFO forged'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
