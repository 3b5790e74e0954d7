"""Text as a terminal may show it: nothing in it moves the cursor, changes colours or hides other text."""

from typing import Any, TextIO

JOINERS = "\u200c\u200d"
"""Characters that shape letters and emoji, and have no look of their own."""


def printable(text: str) -> str:
    r"""Return text whose every character can be seen: others stand as Python writes them.

    Data, labels, names of revisions and answers of servers can hold them, such as ESC, or marks that reverse a line.

    >>> printable("a\nb" + chr(27) + "[31m" + chr(0x202E))
    'a\\nb\\x1b[31m\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in JOINERS else ascii(c)[1:-1] for c in text)


class PrintableStream:
    """A stream of text in whose lines every character can be seen. What it does not have, it takes from `stream`."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text; only the ends of lines stay as they are."""
        return self.stream.write("\n".join(map(printable, text.split("\n"))))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
