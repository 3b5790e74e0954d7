"""What a text file holds that is no delimited text, whatever its suffix, and how to convert it, in one sentence."""

import re

from strata.reading.unread_formats import PYTHON, UNREAD

SHARE = 0.95  # of a sample's lines, at least, must be of a form
_STARTS = {  # where several lines begin so, they are rows, texts of HTML
    r"(?is)(<!doctype html|<html|<table)(?!.*\n\1)": UNREAD[".html"],
    r"(?s)<\?xml(?!.*\n<\?xml)": UNREAD[".xml"],
    r"From \S+ .*\d\d:\d\d.*\n[\w-]+: ": UNREAD[".mbox"],
}
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
    return next(starts, None) or next((what for form, what in _FORMS.items() if lines and _are(lines, form)), None)


def _are(lines: list[str], form: str) -> bool:
    """Return whether nearly all lines are of a form."""
    matches = [match for line in lines if (match := re.fullmatch(form, line))]
    is_proved = "<proof>" not in form or any(match["proof"] for match in matches)
    return is_proved and len(matches) >= SHARE * len(lines)
