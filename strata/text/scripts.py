"""Which scripts a text is in, as far as that decides how to cut it into words."""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

NO_SPACES = (
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u3100-\u312f\ua000-\ua4cf"  # Bopomofo, Yi
    "\u0e00-\u0e7f\u0e80-\u0eff\u0f00-\u0fff"  # Thai, Lao, Tibetan
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua980-\ua9df"  # Khmer, Tai Le, New Tai Lue, Tai Tham, Javanese
)
"""Ranges of the scripts that put no space between words, for a character class."""
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0dff\u200c\u200d"
r"""Ranges of marks that belong to a word, yet do not match \w: accents, points, and the signs of Indic scripts."""
EMOJI = "\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
WORD = rf"[\w{MARKS}]{{2,}}|[{EMOJI}]"
r"""A word of two letters or more, or an emoji. On texts without marks and emoji it is scikit-learn's \b\w\w+\b."""

_WORD, _LETTER = re.compile(WORD), re.compile(r"[^\W\d_]")
_WITHOUT_SPACES, _VISIBLE = re.compile(f"[{NO_SPACES}]"), re.compile(r"\S")


def share_without_spaces(texts: list[str]) -> float:
    """Return the share of letters that are of a script without spaces, 0 to 1; 0 without letters."""
    letters = sum(len(_LETTER.findall(text)) for text in texts)
    return min(1.0, sum(len(_WITHOUT_SPACES.findall(text)) for text in texts) / letters) if letters else 0.0


def share_in_words(texts: list[str]) -> float:
    """Return the share of visible characters that are in a WORD, 0 to 1; 0 without characters."""
    visible = sum(len(_VISIBLE.findall(text)) for text in texts)
    return sum(map(len, (word for text in texts for word in _WORD.findall(text)))) / visible if visible else 0.0


@cache
def words(*, and_symbols: bool) -> "regex.Pattern":
    """Return the pattern of a word: letters and digits with their marks, and apostrophes inside.

    Of a script without spaces, each letter with its marks is a word. and_symbols: whether each other visible character
    is one, too.
    """
    import regex  # not needed by what only labels

    letters = rf"[\p{{M}}\w--[{NO_SPACES}]]"
    of_letters = rf"[^\W{NO_SPACES}]{letters}*(?:['\u2019]{letters}+)*"
    symbols = r"|[^\w\s]" if and_symbols else ""
    return regex.compile(rf"[{NO_SPACES}]\p{{M}}*|{of_letters}{symbols}", regex.VERSION1)
