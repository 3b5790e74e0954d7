"""Columns that a recipe could name besides the text and the label: a group, a date."""

import re

from strata.guessing.columns import Column

GROUPS = re.compile(r"(?i)(_|\b)(id|author|user|film)$|[a-z](Id|ID)$")
ROUNDED = re.compile(r"-?\d(\.\d+)?[eE]\+?\d+|\d{12,}00|\d{12,}\.0")
DATE_NAMES = re.compile(r"(?i)(^|_)(date|time|timestamp|created|published|posted|year)(_|$)|(Date|Time|At)$|_at$")
DATES = re.compile(
    r"\d{4}-\d\d?-\d\d?([ T].*)?|\d{4}/\d\d?/\d\d?([ T].*)?|(?=.*\d{4})[A-Za-z]{3,9}\.? \d{1,2},? .*|"
    r"(?=.*\d{4})[A-Za-z]{3,9},? .*\d{1,2}.*\d{4}.*|\d{1,2} [A-Za-z]{3,9} \d{4}.*|\d{1,2}[/.]\d{1,2}[/.]\d{4}.*"
)
NUMBERED_DATES = re.compile(r"(19|20)\d\d|\d{9,10}(\.\d+)?|\d{12,13}")  # a year, seconds or milliseconds since 1970
SHARE = 0.9  # of the examples that must match


def group_offer(columns: list[Column]) -> Column | None:
    """Return the first column that is named like a group and whose values repeat.

    A column of rounded numbers is skipped: rows with the same one have nothing in common.
    """
    for column in columns:
        repeats = column.values is None or len(column.values) < column.rows * 0.9
        if GROUPS.search(column.name) and repeats and not _are(column, ROUNDED):
            return column
    return None


def date_offer(columns: list[Column]) -> Column | None:
    """Return the first column whose values read like dates, or are numbers under a date's name."""
    for column in columns:
        is_named = DATE_NAMES.search(column.name)
        if _are(column, DATES) or (is_named and _are(column, NUMBERED_DATES)):
            return column
    return None


def _are(column: Column, pattern: re.Pattern) -> bool:
    matches = sum(pattern.fullmatch(value.strip()) is not None for value in column.examples)
    return bool(column.examples) and matches >= SHARE * len(column.examples)
