"""The cleaning steps that a recipe can name. To add one, write a function from text to text and add it to STEPS.

The libraries are imported where they are needed, so that serving starts fast.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from strata.base.unicode_forms import normalized

if TYPE_CHECKING:
    import regex

# elements that separate the words around them
BLOCKS = (
    "article|aside|blockquote|br|dd|div|dl|dt|footer|form|h1|h2|h3|h4|h5|h6|header|hr|li|ol|option|p|pre|section|table|"
    "td|th|title|tr|ul"
)
_INLINE = (
    "a|abbr|acronym|address|area|audio|b|base|bdi|bdo|big|body|button|canvas|caption|center|cite|code|col|colgroup|data|"
    "del|details|dfn|dialog|em|embed|fieldset|figcaption|figure|font|head|html|i|iframe|img|input|ins|kbd|label|link|"
    "main|map|mark|meta|nav|noscript|optgroup|picture|q|s|samp|script|select|small|source|span|strike|strong|style|sub|"
    "summary|sup|svg|tbody|template|textarea|tfoot|thead|time|tt|u|var|video|wbr"
)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_SPACES = re.compile("  +")
# elements that end by themselves where the next one begins, or hold none, nest in each other only inside of others
_FLAT = "area|base|br|col|dd|dt|embed|hr|img|input|li|link|meta|optgroup|option|p|tbody|td|tfoot|th|thead|tr|wbr"
NESTING_TAG = re.compile(rf"</?(?!(?:{_FLAT})[\s/>])(?:{BLOCKS}|{_INLINE})(?:\s[^<>]*)?>", re.IGNORECASE)
BLOCK_TAG = re.compile(rf"</?(?:{BLOCKS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
INLINE_TAG = re.compile(rf"</?(?!script|style)(?:{_INLINE})(?:\s[^<>]*)?/?>", re.IGNORECASE)
DEEPEST = 1000  # tags in each other; the parser takes time that grows with their square, so deeper ones are cut out
NOT_A_TAG = re.compile(rf"<(?!/?(?:{BLOCKS}|{_INLINE})(?:\s[^<>]*)?/?>|!--|!doctype[^<>]*>)", re.IGNORECASE)


def html(text: str) -> str:
    """Remove tags, scripts and styles, and decode entities.

    <br> and block elements separate words; <b> and the like do not. Anything else that looks like a tag is text: `x<y`,
    `<me@mail>`, `<3`.

    >>> html("<p>Good <b>f</b>un &amp; games.</p>The end<br/>really <3")
    ' Good fun & games. The end really <3'
    """
    if "<" not in text and "&" not in text:
        return text
    if "&" not in text and "\r" not in text:
        without_breaks = _BREAK.sub(" ", text.lstrip(" \t\n\f"))  # the parser drops leading space too
        if "<" not in without_breaks:  # most texts have no other tags than <br>, for which no parser is needed
            return _SPACES.sub(" ", without_breaks)
    return _parsed(text)


def _parsed(text: str) -> str:
    if text.count("<") > DEEPEST and _depth(text) > DEEPEST:
        text = INLINE_TAG.sub("", BLOCK_TAG.sub(" ", text))
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(NOT_A_TAG.sub("&lt;", text))
    tree.strip_tags(["script", "style"])
    for node in tree.css(BLOCKS.replace("|", ", ")):
        node.insert_before(" ")
        node.insert_after(" ")
    return _SPACES.sub(" ", tree.root.text())


def _depth(text: str) -> int:
    """Return how deep a text's tags may be in each other."""
    depth = deepest = 0
    for tag in NESTING_TAG.finditer(text):
        depth += -1 if tag[0].startswith("</") else 1
        deepest = max(deepest, depth)
    return deepest


def whitespace(text: str) -> str:
    """Turn every run of white space into one space and trim both ends."""
    # a fast check of the usual case: single spaces between words and no other white space
    if "  " not in text and text[:1] != " " != text[-1:] and text.isprintable():
        return text
    return " ".join(text.split())


def lowercase(text: str) -> str:
    """Lower-case every letter."""
    return text.lower()


def punctuation(text: str) -> str:
    """Remove apostrophes inside words, and turn all other punctuation and symbols into spaces.

    >>> punctuation("Don't stop,now!")
    'Dont stop now '
    """
    return _no_word().sub(" ", re.sub(r"(?<=\w)['\u2019](?=\w)", "", text))


@cache
def _no_word() -> "regex.Pattern":
    import regex

    return regex.compile(r"[^\w\s\p{M}]|_")  # the vowels of many scripts are marks, which \w does not match


def unicode(text: str) -> str:
    """Normalise to NFKC: one form for each character, without full-width forms and ligatures."""
    return normalized("NFKC", text)


STEPS: dict[str, Callable[[str], str]] = {
    step.__name__: step for step in (html, whitespace, lowercase, punctuation, unicode)
}


def cleaned(texts: Iterable[str], steps: Sequence[str]) -> list[str]:
    """Return texts after these steps, in this order. Raises: KeyError on a step that STEPS does not have."""
    texts = list(texts)
    for step in steps:
        texts = [STEPS[step](text) for text in texts]
    return texts
