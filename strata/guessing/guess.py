"""What the columns of a file hold, and which of them are the text, the label and perhaps a group."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from strata.base.errors import StrataError
from strata.guessing.label_names import Labels, name_labels
from strata.label_rules import canonical
from strata.reading.source_file import PLACE, SourceFile

MOST_VALUES = 1000  # distinct values that are counted; a column with more is no label
SHOWN = 8  # columns that a sentence names
LABEL_NAMES = re.compile(
    r"(?i)(^|_)(label|labels|class|category|sentiment|polarity|target|intent|topic|rating|stars|score|y)(_|$)|^is_"
)
GROUPS = re.compile(r"(?i)(_|\b)(id|author|user|film)$")
TEXT_NAMES = re.compile(r"(?i)(^|_)(text|review|body|content|comment|sentence|message|tweet)(_|$)")
VALUES = re.compile(r"(?i)(pos|neg|neu)(itive|ative|tral)?|ham|spam")  # of a label, and seldom its name


@dataclass(eq=False)
class Column:
    """Counts of one column over the whole file."""

    name: str
    rows: int = 0
    empty: int = 0
    words: int = 0
    values: Counter[str] | None = field(default_factory=Counter)  # None beyond MOST_VALUES

    def add(self, values: list[str | None]) -> None:
        """Count more rows."""
        self.rows += len(values)
        given = [value for value in values if value is not None and value.strip()]
        self.empty += len(values) - len(given)
        self.words += sum(_words(value) for value in given)
        if self.values is not None:
            self.values.update(map(canonical, given))
            if len(self.values) > MOST_VALUES:
                self.values = None

    @property
    def mean_words(self) -> float:
        """The words of a value that is not empty."""
        return self.words / max(1, self.rows - self.empty)

    def about(self) -> str:
        """Return a line that says what the column holds."""
        distinct = f"over {MOST_VALUES:,}" if self.values is None else f"{len(self.values):,}"
        most = "" if self.values is None else ": " + ", ".join(f"{v[:20]!r} {n:,}" for v, n in _ranked(self.values)[:4])
        return f"{self.mean_words:.1f} words, {self.empty / max(1, self.rows):.1%} empty, {distinct} values{most}"


@dataclass
class Guess:
    """What a recipe says of its columns, and the doubts."""

    text: str
    label: str
    labels: Labels
    positive: str | None
    group: str | None
    unsure: list[str]


def survey(source: SourceFile, preview: int) -> tuple[list[Column], list[dict]]:
    """Read a file to its end; return its columns and its first rows."""
    columns: dict[str, Column] = {}
    rows, first = 0, []
    for placed in source.tables():
        table = placed.drop(PLACE)
        first += table.slice(0, preview - len(first)).to_pylist()
        for name in table.column_names:
            # a column that comes late was empty before
            column = columns.setdefault(name, Column(name, rows, rows))
            column.add(table[name].to_pylist())
        rows += len(table)
    if not rows:
        raise StrataError(f"{source.path}: no readable row; nothing to write a recipe from")
    return list(columns.values()), first


def guess(path: Path, columns: list[Column]) -> Guess:
    """Choose the text, the label and a group. Raises: StrataError when no column can be the label."""
    text, others, text_doubts = _text(columns)
    label, label_doubts = _label(path, columns, [text, *others])
    labels, positive, name_doubts = name_labels(label.name, label.values)
    group = _group([column for column in columns if column not in (text, label, *others)])
    return Guess(text.name, label.name, labels, positive, group, text_doubts + label_doubts + name_doubts)


def _text(columns: list[Column]) -> tuple[Column, list[Column], list[str]]:
    """Return the column with the longest texts, the others that hold text as well, and the doubts."""
    by_length = sorted(columns, key=lambda c: (-c.mean_words * _looks_like_text(c.name), c.name))
    text, doubts = by_length[0], []
    others = [c for c in by_length[1:] if c.mean_words > max(3, text.mean_words / 4)]
    if others:
        doubts.append(
            f"the text is {text.name}, but {_listed(others)} hold(s) text too; columns.text also takes a list"
        )
    if text.empty:
        doubts.append(f"{text.empty:,} rows have no text; keep.min_words drops them")
    return text, others, doubts


def _label(path: Path, columns: list[Column], texts: list[Column]) -> tuple[Column, list[str]]:
    """Return the column of few values that is named like a label, else the one of the fewest, and the doubts."""
    candidates = [
        c for c in columns if c not in texts and c.values and 2 <= len(c.values) <= max(c.rows // 2, min(2, c.rows - 1))
    ]
    if not candidates:
        raise StrataError(
            f"{path}: no column can be the label: one of 2 to {MOST_VALUES:,} values that come again is wanted; "
            f"columns: {_listed(columns)}"
        )
    named = [c for c in candidates if LABEL_NAMES.search(c.name)]
    label, doubts = min(named or candidates, key=lambda c: (len(c.values), c.name)), []
    if len(named or candidates) > 1 or not named:
        rest = _listed([c for c in candidates if c is not label])
        doubts.append(f"the label is {label.name}; other columns with few values: {rest}")
    if label.empty:
        doubts.append(f"{label.empty:,} rows have no {label.name}; raise standardize.max_rejects to set them aside")
    return label, doubts


def _group(columns: list[Column]) -> str | None:
    """Return the first column that is named like a group and has values that come again."""
    groups = [c for c in columns if GROUPS.search(c.name) and (c.values is None or len(c.values) < c.rows * 0.9)]
    return groups[0].name if groups else None


def header_doubts(columns: list[Column]) -> list[str]:
    """Doubt the first line of a delimited file, taken for names, where it may be a row."""
    if all(re.fullmatch(r"column_\d+", c.name) for c in columns):  # it was taken for a row
        return []
    if any(TEXT_NAMES.search(c.name) or LABEL_NAMES.search(c.name) for c in columns) and not any(
        _looks_like_a_value(c) for c in columns
    ):
        return []
    return [f"the first line was taken for the names of the columns: {_listed(columns)}"]


def _looks_like_a_value(column: Column) -> bool:
    """Tell whether a column's name may be its first value: long, a sentence, or of the kind of its other values."""
    name, words = column.name, len(column.name.split())
    if len(name) > 40 or words > 4 or (words > 1 and name.endswith((".", "!", "?"))):
        return True
    values = column.values or {}
    return name.casefold() in map(str.casefold, values) or bool(
        VALUES.fullmatch(name) and any(map(VALUES.fullmatch, values))
    )


def _listed(columns: list[Column]) -> str:
    names = ", ".join(" ".join(c.name.split())[:60] for c in columns[:SHOWN])
    return names + (f" and {len(columns) - SHOWN:,} more" if len(columns) > SHOWN else "") or "none"


def _words(value: str) -> int:
    """Count words, four letters each in scripts that part them by no spaces."""
    return max(value.count(" ") + 1, 0 if value.isascii() else len(value) // 4)


def _looks_like_text(name: str) -> int:
    """A weight for a column's length: its name speaks for it."""
    return 3 if TEXT_NAMES.fullmatch(name) else 2 if TEXT_NAMES.search(name) else 1


def _ranked(values: Counter[str]) -> list[tuple[str, int]]:
    return sorted(values.items(), key=lambda item: (-item[1], item[0]))
