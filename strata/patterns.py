"""Regular expressions that take time in proportion to the text, whatever the pattern: Python's syntax, RE2's engine.

Arrow has RE2 (https://github.com/google/re2/wiki/Syntax). A pattern is turned into RE2's syntax; what RE2 has not,
look-around and back-references, is refused. As in Python, \\w, \\d and \\s know all scripts; \\b knows ASCII letters.
"""

import re
from typing import TYPE_CHECKING

from strata.base.errors import StrataError

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 1000  # characters
FLAGS = {int(re.IGNORECASE): "i", int(re.MULTILINE): "m", int(re.DOTALL): "s"}
_SPACE = r"\t-\r\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_CLASSES = {"w": r"\p{L}\p{N}_", "d": r"\p{Nd}", "s": _SPACE}
_TOKEN = re.compile(r"\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\(.)|\{,(\d+)\}|(\[\^?\]?)|(.)", re.DOTALL)
_UNSUPPORTED = re.compile(r"\(\?(?:<?[=!]|P=|\(|>|#)|\\[1-9]")


def refusal(pattern: str) -> str | None:
    """Return why a pattern is refused, or None."""
    try:
        _compiled(pattern, 0)
    except StrataError as error:
        return str(error)
    return None


def matches(
    column: "pd.Series",
    how: str,
    pat: str,
    case: bool = True,
    flags: int = 0,
    na: bool | None = None,
    regex: bool = True,
) -> "pd.Series":
    """Return which texts a pattern matches, as pandas' .str methods do: (rows,) boolean, missing for missing texts.

    how: contains, match (at the start) or fullmatch. Raises: StrataError when the pattern is refused.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    _ = column.str  # raises on numbers
    pattern = _compiled(pat, flags) if regex else re.sub(r"([^\w\s])", r"\\\1", pat, flags=re.ASCII)
    whole = {"contains": pattern, "match": rf"\A(?:{pattern})", "fullmatch": rf"\A(?:{pattern})\z"}[how]
    texts = pa.array(column.to_list(), pa.string(), from_pandas=True)
    found = pd.Series(pc.match_substring_regex(texts, whole, ignore_case=not case).to_pylist(), column.index)
    found = found.astype("boolean")
    return found if na is None else found.fillna(na)


def _compiled(pattern: str, flags: int) -> str:
    """Return a pattern in RE2's syntax. Raises: StrataError when it is refused."""
    import pyarrow as pa
    import pyarrow.compute as pc

    shown = f"the pattern {pattern[:60]!r}"
    if len(pattern) > LONGEST:
        raise StrataError(f"{shown} is longer than {LONGEST:,} characters")
    if unknown := flags & ~sum(FLAGS):
        raise StrataError(f"{shown} has the flags {unknown}; allowed: 2 (ignore case), 8 (lines), 16 (dot for all)")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise StrataError(f"{shown} cannot be read: {error}") from None
    if match := _UNSUPPORTED.search(pattern.replace(r"\\", "")):
        raise StrataError(
            f"{shown} has {match[0]!r}: look-around, back-references and the like have no bound on their time; write "
            "it without, as in .str.contains('a') and not .str.contains('b')"
        )
    given = "".join(letter for bit, letter in FLAGS.items() if flags & bit)
    translated = (f"(?{given})" if given else "") + _translated(pattern, shown)
    try:
        pc.match_substring_regex(pa.array([""], pa.string()), translated)
    except pa.ArrowException as error:
        words = str(error).removeprefix("Invalid regular expression: ")
        raise StrataError(f"{shown} is not one that takes bounded time: {words[:100]}; write it otherwise") from None
    return translated


def _translated(pattern: str, shown: str) -> str:
    """Return a pattern that Python reads as RE2 reads it."""
    parts, start = [], None  # where the current character class begins among the parts
    for match in _TOKEN.finditer(pattern):
        code, long_code, escaped, most, opening, plain = match.groups()
        if code or long_code:
            parts.append(rf"\x{{{code or long_code}}}")
        elif escaped:
            parts.append(_escaped(escaped, start is not None))
        elif most and start is None:
            parts.append(f"{{0,{most}}}")
        elif opening and start is None:
            start = len(parts)
            parts.append(opening.replace("]", r"\]"))
        elif plain == "]" and start is not None:
            parts[start:] = [_class("".join(parts[start:]) + "]", shown)]
            start = None
        else:
            parts.append(match[0].replace("[", r"\[") if start is not None else match[0])
    return "".join(parts)


def _escaped(letter: str, in_class: bool) -> str:
    if letter in _CLASSES:
        return _CLASSES[letter] if in_class else f"[{_CLASSES[letter]}]"
    if letter.lower() in _CLASSES:
        return f"\\{letter}" if in_class else f"[^{_CLASSES[letter.lower()]}]"
    return r"\z" if letter == "Z" else f"\\{letter}"


def _class(text: str, shown: str) -> str:
    """Return a character class; of those with \\W, \\D or \\S, RE2 has only some."""
    negated = re.findall(r"\\([WDS])", text.replace(r"\\", ""))
    if not negated:
        return text
    if any(_CLASSES[letter.lower()] in text for letter in negated):  # as in [\s\S]
        return r"(?s:.)" if not text.startswith("[^") else r"[^\x{0}-\x{10FFFF}]"
    if text == rf"[^\W{_CLASSES['d']}_]":  # letters
        return r"[\p{L}\p{Nl}\p{No}]"
    if negated == ["D"]:
        return text.replace(r"\D", r"\P{Nd}")
    raise StrataError(f"{shown} has \\{negated[0]} in brackets; write it outside of them, or the characters themselves")
