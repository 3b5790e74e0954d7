"""What the columns of a file hold, and which of them are the text, the label and perhaps a group."""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from stages.ingest.source_file import PLACE, SourceFile
from stages.shared.command import StageError
from stages.standardize.label_rules import canonical

MOST_VALUES = 1000  # distinct values that are counted; a column with more is no label
MANY_LABELS = 30
LABEL_NAMES = re.compile(
    r"(?i)(^|_)(label|labels|class|category|sentiment|polarity|target|intent|topic|rating|stars|score|y)(_|$)|^is_"
)
GRADES = re.compile(r"(?i)rating|stars|score|grade")
GROUPS = re.compile(r"(?i)(_|\b)(id|author|user|film)$")
TEXT_NAMES = re.compile(r"(?i)(^|_)(text|review|body|content|comment|sentence|message|tweet)(_|$)")


@dataclass
class Column:
    """Counts of one column over the whole file."""

    name: str
    rows: int = 0
    empty: int = 0
    words: int = 0
    values: Counter[str] | None = field(default_factory=Counter)  # None beyond MOST_VALUES

    def add(self, values: list[str | None]) -> None:
        self.rows += len(values)
        given = [value for value in values if value is not None and value.strip()]
        self.empty += len(values) - len(given)
        self.words += sum(value.count(" ") + 1 for value in given)
        if self.values is not None:
            self.values.update(map(canonical, given))
            if len(self.values) > MOST_VALUES:
                self.values = None

    @property
    def mean_words(self) -> float:
        return self.words / max(1, self.rows - self.empty)

    def about(self) -> str:
        distinct = f"over {MOST_VALUES:,}" if self.values is None else f"{len(self.values):,}"
        most = "" if self.values is None else ": " + ", ".join(f"{v[:20]!r} {n:,}" for v, n in _ranked(self.values)[:4])
        return f"{self.mean_words:.1f} words, {self.empty / max(1, self.rows):.1%} empty, {distinct} values{most}"


@dataclass
class Guess:
    """What a recipe says of its columns, and the doubts."""

    text: str
    label: str
    labels: dict[str, str]  # name to the source's value or rule
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
        raise StageError(f"{source.path}: no readable row; nothing to write a recipe from")
    return list(columns.values()), first


def guess(path: Path, columns: list[Column]) -> Guess:
    """Choose the text and the label. Raises: StageError when no column can be the label."""
    unsure = []
    by_length = sorted(columns, key=lambda c: (-c.mean_words * _looks_like_text(c.name), c.name))
    text = by_length[0]
    others = [c for c in by_length[1:] if c.mean_words > max(3, text.mean_words / 4)]
    if others:
        names = ", ".join(c.name for c in others)
        unsure.append(f"the text is {text.name}, but {names} hold(s) text too; columns.text also takes a list")
    if text.empty:
        unsure.append(f"{text.empty:,} rows have no text; keep.min_words drops them")
    candidates = [
        c
        for c in columns
        if c is not text and c not in others and c.values and 2 <= len(c.values) <= max(c.rows // 2, min(2, c.rows - 1))
    ]
    if not candidates:
        raise StageError(
            f"{path}: no column can be the label: one of 2 to {MOST_VALUES:,} values that come again is wanted; "
            f"columns: {', '.join(c.name for c in columns)}"
        )
    named = [c for c in candidates if LABEL_NAMES.search(c.name)]
    label = min(named or candidates, key=lambda c: (len(c.values), c.name))
    if len(named or candidates) > 1 or not named:
        rest = ", ".join(c.name for c in candidates if c is not label) or "none"
        unsure.append(f"the label is {label.name}; other columns with few values: {rest}")
    if label.empty:
        unsure.append(f"{label.empty:,} rows have no {label.name}; raise standardize.max_rejects to set them aside")
    labels, positive, doubts = _labels(label)
    groups = [
        c for c in columns if c not in (text, label, *others) and re.search(r"(?i)(_|\b)(id|author|user|film)$", c.name)
    ]
    groups = [c.name for c in groups if c.values is None or len(c.values) < c.rows * 0.9]
    return Guess(text.name, label.name, labels, positive, groups[0] if groups else None, unsure + doubts)


def _looks_like_text(name: str) -> int:
    """A weight for a column's length: its name speaks for it."""
    return 3 if TEXT_NAMES.fullmatch(name) else 2 if TEXT_NAMES.search(name) else 1


def _ranked(values: Counter[str]) -> list[tuple[str, int]]:
    return sorted(values.items(), key=lambda item: (-item[1], item[0]))


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _labels(column: Column) -> tuple[dict[str, str], str | None, list[str]]:
    """Name the labels of a column: name to value, the positive one of two, and the doubts."""
    numbers = {value: _number(value) for value in column.values}
    are_numbers = None not in numbers.values()
    values = sorted(numbers, key=lambda v: (numbers[v], v)) if are_numbers else sorted(numbers)
    if are_numbers and len(values) > 2 and (GRADES.search(column.name) or len(values) > MANY_LABELS):
        third = (numbers[values[-1]] - numbers[values[0]]) / 3
        low, high = math.floor(numbers[values[0]] + third), math.ceil(numbers[values[-1]] - third)
        rules = {"negative": f"<= {low}", "positive": f">= {high}"}
        between = sum(count for v, count in column.values.items() if low < numbers[v] < high)
        return (
            rules,
            "positive",
            [f"{column.name} holds grades; the {between:,} rows between {low} and {high} are dropped"],
        )
    about = re.sub(r"(?i)^is_", "", column.name)
    match values:
        case ["false", "true"]:
            names = [f"not_{_slug(about)}", _slug(about)]
        case ["0", "1"] if re.search(r"(?i)sentiment|polarity", column.name):
            names = ["negative", "positive"]
        case _:
            names = [_slug(value) for value in values]
    twice = {name for name, count in Counter(names).items() if count > 1}
    names = [f"{name}_{i}" if name in twice else name for i, name in enumerate(names)]
    doubts = [f"{len(values):,} labels, one a value; should some be one label?"] if len(values) > MANY_LABELS else []
    if are_numbers and names[0].startswith("label_"):
        doubts.append(f"the labels have no names but {', '.join(values[:5])}; give them names")
    positive = None
    if len(values) == 2:
        likely = [
            n for n, v in zip(names, values, strict=True) if v in ("1", "true") or re.match(r"(?i)pos|yes|spam", v)
        ]
        rarer = names[values.index(_ranked(column.values)[-1][0])]
        positive = likely[0] if len(likely) == 1 else rarer
        if len(likely) != 1:
            doubts.append(f"positive is {positive}, the rarer label")
    return dict(zip(names, values, strict=True)), positive, doubts


def _slug(value: str) -> str:
    slug = re.sub(r"\W+", "_", value.lower()).strip("_")[:40] or "other"
    return f"label_{slug}" if slug[0].isdigit() else slug
