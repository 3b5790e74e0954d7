"""What a recipe could say besides the text and the label: a group, a date, the test rows, rows without a real label."""

import re
from collections import Counter
from datetime import datetime

from strata.expression import term
from strata.guessing.columns import Column
from strata.guessing.kinds import are, are_dates, is_split
from strata.reading.parts import TEST
from strata.yaml_words import flow, string

GROUPS = re.compile(r"(?i)(_|\b)(id|author|user|film)$|[a-z](Id|ID)$")
ROUNDED = re.compile(r"-?\d(\.\d+)?[eE]\+?\d+|\d{12,}00|\d{12,}\.0")
DATE_NAMES = re.compile(r"(?i)(^|[_.])(date|time|timestamp|created|published|posted|year)(_|$)|(Date|Time|At)$|_at$")
NUMBERED_DATES = re.compile(r"(19|20)\d\d|\d{9,10}(\.\d+)?|\d{12,13}")  # a year, seconds or milliseconds since 1970
COMPACT_DATES = re.compile(r"(19|20)\d\d[01]\d[0-3]\d")
AMBIGUOUS = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b.*")  # which number is the month?
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", ", %H:%M", ", %H:%M:%S")
NO_LABEL = re.compile(
    r"(?i)-+|\?+|\.|n\.?/?a\.?|#n/a|nan|null|nil|none|unknown|undefined|undetermined|missing|unsure|not sure|"
    r"un-?label+ed|not label+ed|no label|unclassified|to ?do|tbd"
)


def group_doubts(column: Column | None) -> list[str]:
    """Return the doubt about a column that may be the group."""
    if column is None:
        return []
    again = "over 1,000" if column.values is None else f"{len(column.values):,}"
    return [f"perhaps group: {string(column.name)} under columns, since its {again} values repeat; not set"]


def group_offer(columns: list[Column], labels: Counter[str]) -> Column | None:
    """Return the first column that is named like a group and whose values repeat. labels: rows of each label's value.

    A column of rounded numbers is skipped: rows with the same one have nothing in common. So is one of one value, and
    one that numbers the labels.
    """
    for column in columns:
        repeats = column.values is None or 1 < len(column.values) < column.rows * 0.9
        is_label = sorted((column.values or {}).values()) == sorted(labels.values())
        if GROUPS.search(column.name) and repeats and not is_label and not are(column, ROUNDED):
            return column
    return None


def date_doubts(date: str | None, column: Column | None) -> list[str]:
    """Return the doubt about a column that may be the date. date: as from `date_offer`."""
    if column is None:
        return []
    example = column.examples[0][:30]
    return [f"perhaps date: {date} under columns, such as {example!r}, for split.by=date; not set"]


def date_offer(columns: list[Column]) -> tuple[str | None, Column | None]:
    """Return what a recipe's `columns.date` could be, as YAML, and the column: the first that holds dates.

    There are two ways where the month may be the first or the second number of every value.
    """
    for column in columns:
        if ways := _ways(column):
            return " or ".join(map(flow, ways)), column
    return None, None


def _ways(column: Column) -> list[str | dict[str, str]]:
    """Return the ways in which a recipe can read a column as dates."""
    is_named = DATE_NAMES.search(column.name)
    if is_named and are(column, COMPACT_DATES):
        return [{"column": column.name, "format": "%Y%m%d"}]
    if is_named and are(column, NUMBERED_DATES):
        return [column.name]
    if not are_dates(column):
        return []
    if not any(map(AMBIGUOUS.fullmatch, map(str.strip, column.examples))):
        return [column.name] if _are_read(column.examples) else []
    return [{"column": column.name, "format": format_} for format_ in _formats(column)]


def _are_read(values: list[str]) -> bool:
    """Return whether dates are read without a format, as standardize reads them; 10:00 PDT 2009 is not."""
    import pandas as pd  # takes half a second

    return bool(pd.to_datetime(pd.Series(values), utc=True, format="mixed", errors="coerce").notna().all())


def _formats(column: Column) -> list[str]:
    """Return the formats that read every value of a column of dates of three numbers."""
    values = [value.strip() for value in column.values or column.examples]
    mark = next(iter(re.findall("[/.-]", values[0])), "/")
    orders = [mark.join(order) for year in ("%Y", "%y") for order in (("%d", "%m", year), ("%m", "%d", year))]
    formats = [order + time for order in orders for time in TIMES]
    return [format_ for format_ in formats if all(_is_read(value, format_) for value in values)]


def _is_read(value: str, format_: str) -> bool:
    try:
        datetime.strptime(value, format_)
    except ValueError:
        return False
    return True


def split_doubts(columns: list[Column]) -> list[str]:
    """Return the doubt about a column that says which split a row is in."""
    column = next(filter(is_split, columns), None)
    if column is None:
        return []
    values = column.values or Counter()
    rows = ", ".join(f"{value} {count:,}" for value, count in values.items())
    kept = [value for value in values if value.casefold() not in TEST]
    doubt = f"{column.name} names splits ({rows}), which are not used: all rows are one set, and split makes its own"
    if len(kept) == len(values):
        return [doubt]
    return [
        f"{doubt}; to keep the test rows, write train.csv and test.csv into a folder and name that; to leave them out, "
        f"add equal: {{{string(column.name)}: {flow(kept)}}} to keep"
    ]


def no_label_doubts(name: str, values: Counter[str]) -> list[str]:
    """Return the doubt about values of the label that read like a missing one. name: of the label's column."""
    found = [value for value in values if NO_LABEL.fullmatch(value)]
    numbers = {"-1", "0", "1", "2"}
    if not found and numbers <= values.keys() and all(value == "-1" or value.isdigit() for value in values):
        found = ["-1"]
    left = len(values) - len(found)
    if not found or left < 2:
        return []
    rows = sum(values[value] for value in found)
    written = found[0] if found == ["-1"] else repr(found[0]) if len(found) == 1 else repr(found)
    where = f"{term(name)} {'!=' if len(found) == 1 else 'not in'} {written}"
    several = ", ".join(map(repr, found))
    positive = ", and name one of the two that are left as positive" if left == 2 else ""
    return [
        f"{several} in {name} ({rows:,} rows) reads like no label, yet is one here; to leave these rows out, add "
        f"where: {string(where)} to keep, and take {'it' if len(found) == 1 else 'them'} out of labels{positive}"
    ]
