"""Normalise text for matching: two texts are copies when their normalised forms are equal, spaces aside."""

import html
import re
import unicodedata

import regex

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")


class _Letters(dict):
    """The table for str.translate: letters, marks and digits stay, all other characters become spaces.

    In scripts without spaces, each character becomes a word. Entries are added when a character is first met.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        is_kept = unicodedata.category(character)[0] in "LMN"
        self[code] = f" {character} " if _UNSPACED.match(character) else character if is_kept else " "
        return self[code]


# apostrophes, the soft hyphen and the variation selectors of emoji
_LETTERS = _Letters(dict.fromkeys([ord("'"), 0x2019, 0xAD, *range(0xFE00, 0xFE10)], ""))


def normalise(text: str) -> str:
    """Return a text's words in lower case, without HTML, width, punctuation and symbols.

    A text without any word is only split at white space, so that "!!!" and "???" differ.

    >>> normalise("Don't <b>miss</b> it!").split() == normalise("dont MISS &nbsp; it").split()
    True
    """
    plain = text
    if "&" in plain:
        plain = html.unescape(plain)  # before the tags, which may be escaped
    if "<!--" in plain:
        # only up to the last "-->": after it, each "<!--" would be searched to the end of the text
        before, end, rest = plain.rpartition("-->")
        plain = _COMMENT.sub(" ", before + end) + rest
    if "<" in plain:
        plain = _TAG.sub(" ", plain)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
    words = plain.casefold().translate(_LETTERS).strip()
    return words or " ".join(text.split())
