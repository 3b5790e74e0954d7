"""What a text file holds that is no delimited text, whatever its suffix, and how to convert it, in one sentence."""

import re

from strata.reading.dialect import COMMON_NAMES
from strata.reading.unread_formats import PYTHON, UNREAD

SHARE = 0.95  # of a sample's lines, at least, must be of a form
_STARTS = {  # where several lines begin so, they are rows, texts of HTML
    r"(?is)(<!doctype html|<html|<table)(?!.*\n\1)": UNREAD[".html"],
    r"(?s)<\?xml(?!.*\n<\?xml)": UNREAD[".xml"],
    r"#(FORMAT=WebAnno TSV|T_(SP|CH|RL)=|Text=)": UNREAD[".conll"],
    r"From \S+ .*\d\d:\d\d.*\n[\w-]+: ": UNREAD[".mbox"],
}
_KEY = r"(\w(?:[\w -]{0,30}\w)?):(?: .*)?"  # as in "Text: a fine film"
_ROWS = (
    """python -c 'import json, re, sys; """
    r"""[print(json.dumps(dict(re.findall(r"(?ms)^(KEYS):[ ]*(.*?)\s*(?=^(?:KEYS):|\Z)", record)))) """
    r"""for record in re.split(r"(?m)^(?=FIRST:)", sys.stdin.read())[1:]]' < FILE > rows.jsonl"""
)
_FORMS = {  # a group called proof must match in one line at least
    r"(\w+ *= *)?\[|\]|(\w+ *= *)?\[?\s*\([\"'].*\)\s*,?\s*\]?": PYTHON,
    r"\[|\]|\[?\s*\{\s*[\"'].*\}\s*,?\s*\]?": "JSON, or what Python prints; rename it to .jsonl (an object a line) or "
    ".json (one array)",
    r"\([^\s()]+ \(.*\)": "parse trees; if the outermost label is that of the text: "
    'python -c \'import re, sys; [print(line[1:].split()[0], re.sub(r"\\(\\S+ |\\)", "", line).strip(), sep="\\t") '
    "for line in sys.stdin]' < FILE > rows.tsv",
    r"#.*|(?P<proof>\d)[\d.-]*(\t[^\t]*){9}": UNREAD[".conllu"],
    r"-DOCSTART-.*|(\S+[ \t]+){1,9}([BIESLU]-\S+|(?P<proof>O))": UNREAD[".conll"],
}


def other_content(sample: list[str]) -> str | None:
    """Return what the first lines of a file are that are no rows of delimited text, or None."""
    lines = [line.strip() for line in sample if line.strip()]
    starts = (what for start, what in _STARTS.items() if re.match(start, "\n".join(lines)))
    forms = (what for form, what in _FORMS.items() if lines and _are(lines, form))
    return next(starts, None) or next(forms, None) or records_of_lines(sample)


def records_of_lines(sample: list[str]) -> str | None:
    """Describe a file whose records have one `key: value` line per key, or return None.

    All records must have the same keys in the same order, from the file's first line on. Empty lines must separate
    them, or a key must be a common name of texts or labels; other lines may alternate by chance.
    """
    content = "".join(sample).strip()
    if not _keys(content.partition("\n")[0]):
        return None
    blocks = [_keys(block) for block in re.split(r"\n\s*\n", content)]
    found = [key for block in blocks for key in block]
    keys = list(dict.fromkeys(found))
    records = len(found) // len(keys)
    are_parted = len(blocks) > 1 and all(block == keys for block in blocks[:-1])
    is_named = bool(COMMON_NAMES & {key.casefold() for key in keys})
    is_alike = found == (keys * (records + 1))[: len(found)]
    lines = sum(bool(line.strip()) for line in sample)
    if len(keys) < 2 or records < 2 or not is_alike or not (are_parted or is_named) or 2 * len(found) < lines:
        return None
    command = _ROWS.replace("KEYS", "|".join(keys)).replace("FIRST", keys[0])
    return f"records of several lines, {', '.join(keys)}; write each as one row: {command}"


def _keys(block: str) -> list[str]:
    return [match[1] for line in block.splitlines() if (match := re.fullmatch(_KEY, line.strip()))]


def _are(lines: list[str], form: str) -> bool:
    """Return whether nearly all lines are of a form."""
    matches = [match for line in lines if (match := re.fullmatch(form, line))]
    is_proved = "<proof>" not in form or any(match["proof"] for match in matches)
    return is_proved and len(matches) >= SHARE * len(lines)
