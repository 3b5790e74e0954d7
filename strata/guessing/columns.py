"""What the columns of a file hold, counted over the whole file."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from strata.base.errors import StrataError
from strata.base.tables import PLACE
from strata.label_rules import label_value
from strata.reading.open_files import check_columns
from strata.reading.source_file import SourceFile
from strata.several_labels import LONGEST, SPLITS, parts

MOST_VALUES = 1000  # distinct values that are counted; a column with more cannot be the label
EXAMPLES = 200  # values kept as they are
SHOWN = 8  # columns that a sentence names


@dataclass(eq=False)
class Parts:
    """A column's values, each read as several labels."""

    several: int = 0  # rows with more than one
    example: str = ""
    all: Counter[str] = field(default_factory=Counter)  # rows by label
    first: Counter[str] = field(default_factory=Counter)  # rows by their first label


@dataclass(eq=False)
class Column:
    """Counts of one column over the whole file."""

    name: str
    rows: int = 0
    empty: int = 0
    words: int = 0
    nested: int = 0  # lists and objects
    empty_lists: int = 0
    values: Counter[str] | None = field(default_factory=Counter)  # None beyond MOST_VALUES
    examples: list[str] = field(default_factory=list)
    splits: dict[str, Parts] = field(default_factory=lambda: {split: Parts() for split in SPLITS})

    def add(self, values: list[str | None]) -> None:
        """Count more rows."""
        self.rows += len(values)
        given = [value for value in values if value is not None and value.strip()]
        self.empty += len(values) - len(given)
        self.words += sum(_words(value) for value in given)
        self.nested += sum(value[0] in "[{" and value[-1] in "]}" for value in given)
        self.examples += given[: EXAMPLES - len(self.examples)]
        counts = Counter(given)
        if self.values is not None:
            for value, rows in counts.items():
                if label := label_value(value):
                    self.values[label] += rows
                else:
                    self.empty_lists += rows
            if len(self.values) > MOST_VALUES:
                self.values = None
        for split in list(self.splits):
            self._add_parts(split, counts)

    def _add_parts(self, split: str, counts: Counter[str]) -> None:
        """Count the labels that values hold. Give up a split with too many labels, as in a column of text."""
        stats = self.splits[split]
        for value, rows in counts.items():
            labels = [label_value(label) for label in parts(value, split)] if len(value) <= LONGEST else []
            if len(labels) > 1:
                stats.several += rows
                stats.example = stats.example or value
            stats.first.update(dict.fromkeys(labels[:1], rows))
            stats.all.update(dict.fromkeys(labels, rows))
            if len(stats.all) > MOST_VALUES or len(value) > LONGEST:
                del self.splits[split]
                return

    @property
    def mean_words(self) -> float:
        """The mean number of words in a value that is not empty."""
        return self.words / max(1, self.rows - self.empty)

    @property
    def is_nested(self) -> bool:
        """Whether most values are lists or objects."""
        return self.nested > (self.rows - self.empty) / 2

    def is_like(self, other: "Column") -> bool:
        """Return whether another column seems to hold the same values: as many words, and the same first values."""
        counts = (self.rows, self.empty, self.words, self.nested)
        return counts == (other.rows, other.empty, other.words, other.nested) and self.examples == other.examples

    def about(self) -> str:
        """Return a line that says what the column holds."""
        distinct = f"over {MOST_VALUES:,}" if self.values is None else f"{len(self.values):,}"
        most = "" if self.values is None else ": " + ", ".join(f"{v[:20]!r} {n:,}" for v, n in ranked(self.values)[:4])
        return f"{self.mean_words:.1f} words, {self.empty / max(1, self.rows):.1%} empty, {distinct} values{most}"


def survey(sources: list[SourceFile], preview: int) -> tuple[list[Column], list[dict]]:
    """Read files to their ends; return their columns and their first rows.

    Raises: StrataError when there is no row, or the files are not parts of one table.
    """
    columns: dict[str, Column] = {}
    rows, first, names_of_first = 0, [], None
    for source in sources:
        names: dict[str, None] = {}
        for placed in source.tables():
            table = placed.drop(PLACE)
            names |= dict.fromkeys(table.column_names)
            first += table.slice(0, preview - len(first)).to_pylist()
            for name in table.column_names:
                # a column that comes late was empty before
                columns.setdefault(name, Column(name, rows, rows)).add(table[name].to_pylist())
            rows += len(table)
        if names:
            names_of_first = names_of_first or (source, names)
            check_columns(source, names, *names_of_first)
    if not rows:
        raise StrataError(f"{sources[0].path}: no readable row; nothing to write a recipe from")
    return list(columns.values()), first


def counted_rows(count: int) -> str:
    """Return a number of rows in words.

    >>> counted_rows(1), counted_rows(2500)
    ('1 row', '2,500 rows')
    """
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def listed(columns: list[Column]) -> str:
    """Return the names of columns, as a sentence lists them."""
    names = ", ".join(" ".join(c.name.split())[:60] for c in columns[:SHOWN])
    return names + (f" and {len(columns) - SHOWN:,} more" if len(columns) > SHOWN else "") or "none"


def reasons(columns: list[Column], why: Callable[[Column], str | None]) -> str:
    """Return the names of columns, each with why it was not taken, as a sentence lists them."""
    shown = ", ".join(f"{listed([c])} ({why(c)})" for c in columns[:SHOWN])
    return shown + (f" and {len(columns) - SHOWN:,} more" if len(columns) > SHOWN else "")


def ranked(values: Counter[str]) -> list[tuple[str, int]]:
    """Return values with their counts, the most frequent first."""
    return sorted(values.items(), key=lambda item: (-item[1], item[0]))


def _words(value: str) -> int:
    """Count words; in scripts without spaces, four characters count as a word."""
    return max(value.count(" ") + 1, 0 if value.isascii() else len(value) // 4)
