"""The cleaning steps that a recipe can name, each a function from text to text."""

import re
import unicodedata
from collections.abc import Callable

from selectolax.lexbor import LexborHTMLParser

# elements that a browser sets apart from the words around them
_BLOCKS = "br, p, div, li, tr, td, th, h1, h2, h3, h4, h5, h6, blockquote, pre, hr, ul, ol, table, section, article"


def html(text: str) -> str:
    """Drop tags, scripts and styles and decode entities; <br> and block elements part words, <b> and the like do not.

    >>> html("<p>Good <b>f</b>un &amp; games.</p>The end<br/>really")
    ' Good fun & games. The end really'
    """
    if "<" not in text and "&" not in text:
        return text
    tree = LexborHTMLParser(text)
    tree.strip_tags(["script", "style"])
    for node in tree.css(_BLOCKS):
        node.insert_before(" ")
        node.insert_after(" ")
    return re.sub(" +", " ", tree.body.text()) if tree.body else ""


def whitespace(text: str) -> str:
    """Turn every run of white space into one space and trim both ends."""
    return " ".join(text.split())


def lowercase(text: str) -> str:
    """Lower-case every letter."""
    return text.lower()


def punctuation(text: str) -> str:
    """Drop apostrophes inside words and turn all other punctuation and symbols into spaces.

    >>> punctuation("Don't stop,now!")
    'Dont stop now '
    """
    return re.sub(r"[^\w\s]|_", " ", re.sub(r"(?<=\w)['\u2019](?=\w)", "", text))


def unicode(text: str) -> str:
    """Normalise to NFKC: one form for each character, full-width and ligature forms made plain."""
    return unicodedata.normalize("NFKC", text)


STEPS: dict[str, Callable[[str], str]] = {
    step.__name__: step for step in (html, whitespace, lowercase, punctuation, unicode)
}
