"""What a column holds if it is neither text nor label: numbers, dates, ids, one value; and the names of labels."""

import re

from strata.guessing.columns import MOST_VALUES, Column
from strata.reading.parts import TEST, TRAIN, VALIDATION
from strata.several_labels import LIST, are_records

NAMES = (
    "label|labels|class|classes|category|categories|sentiment|polarity|target|intent|topic|topics|rating|overall|stars"
    "|score|grade|emotion|y|gold|majority|consensus|kategorie|klasse|categor[ií]a|catégorie|classe|clase|etiqueta"
    "|étiquette|sentimento|sentimiento|метка|класс|категория|тональность|标签|类别|情感|ラベル|라벨"
)
FIRST_NAMES = re.compile("(?i)label|class|target")
LABEL_NAMES = re.compile(rf"(?i)(^|[_.])({NAMES})([_.]|$)|^is_")
WHOLE_NAMES = re.compile(rf"(?i){NAMES}")
NOT_LABELS = re.compile(
    r"(?i)(.*[_.])?(id|idx|index|annotator|created_at|updated_at|lead_time|date|time|timestamp|split|fold)"
)
IDS = re.compile(r"(?i:(^|[_.])(id|idx|index|uuid|guid))$|[a-z](Id|ID)$")
CODES = re.compile(r"[!-~]*([0-9]|[a-z][A-Z])[!-~]*")  # A-17, 000f49c8, dQw4w9WgXcQ
DECIMALS = re.compile(r"[-+]?\d+(,\d+)?%?")  # with a comma
NUMBERS = re.compile(r"[-+]?\d[\d.,]*([eE][-+]?\d+)?%?")
ADDRESSES = re.compile(r"(https?://|www\.)\S+|\S+@\S+\.\w+")
DATES = re.compile(
    r"\d{4}-\d\d?-\d\d?([ T].*)?|\d{4}/\d\d?/\d\d?([ T].*)?|(?=.*\d{4})[A-Za-z]{3,9}\.? \d{1,2},? .*|"
    r"(?=.*\d{4})[A-Za-z]{3,9},? .*\d{1,2}.*\d{4}.*|\d{1,2} [A-Za-z]{3,9} \d{4}.*|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b.*"
)
CONSENT = re.compile(
    r"(?i)(.*(\b|_))?(contact (you|me|us)|consent|permission|newsletter|subscribe|opt.?in|privacy|gdpr|dsgvo|"
    r"kontaktieren|einwilligung|einverstanden|datenschutz)((\b|_).*)?"
)
SPLIT_FLAGS = re.compile(r"(?i)((is|in)_)?(train|training|test|testing|dev|valid|validation)(_?set)?")
LONGEST_DATE = 40  # characters
MOST_FLAGS = 3  # numbers from 0 with more values are counts, where words stand beside them
SHARE = 0.9  # of the examples that must match


def are(column: Column, pattern: re.Pattern) -> bool:
    """Return whether nearly all examples of a column match a pattern."""
    matches = sum(pattern.fullmatch(value.strip()) is not None for value in column.examples)
    return bool(column.examples) and matches >= SHARE * len(column.examples)


def are_decimals(column: Column) -> bool:
    """Return whether a column holds numbers with a decimal comma, and no lists of numbers.

    2,5 may be either. In a list, no item comes twice, as in 2,2, and some rows have one item.
    """
    commas = [value.strip() for value in column.examples if "," in value]
    if not commas or not are(column, DECIMALS) or any(value.count(",") > 1 for value in commas):
        return False
    is_repeated = any(len(set(value.split(","))) == 1 for value in commas)
    return is_repeated or len(commas) >= SHARE * len(column.examples)


def are_dates(column: Column) -> bool:
    """Return whether a column holds dates, to the eye."""
    return are(column, DATES) and all(len(value.strip()) <= LONGEST_DATE for value in column.examples)


def kind(column: Column) -> str | None:
    """Return what a column holds that is no text, or None."""
    kinds = {
        "empty": not column.examples,
        "lists or objects": column.is_nested,
        "one value": column.values is not None and len(column.values) < 2,
        "numbers": are(column, NUMBERS),
        "dates": are_dates(column),
        "addresses": are(column, ADDRESSES),
        "ids": bool(IDS.search(column.name)) and column.mean_words < 1.5,
    }
    return next((name for name, holds in kinds.items() if holds), None)


def are_codes(column: Column) -> bool:
    """Return whether nearly all values are single codes such as A-17, and more than half are distinct.

    This alone does not make a column an id: the values may be short texts with numbers in them.
    """
    is_new = column.values is None or 2 * len(column.values) > column.rows - column.empty
    return column.mean_words < 1.5 and is_new and are(column, CODES)


def is_split(column: Column) -> bool:
    """Return whether a column says of each row which split it is in."""
    values = {value.casefold() for value in column.values or {}}
    if SPLIT_FLAGS.fullmatch(column.name) and values in ({"true", "false"}, {"0", "1"}):
        return True
    return len(values) > 1 and bool(values & {*TRAIN}) and values <= {*TRAIN, *VALIDATION, *TEST}


def rank(name: str) -> int:
    """Rank a column by its name: from 0, surely the label, to 3, no sign of one. a.b is an object's key b."""
    last = name.rpartition(".")[2]
    if FIRST_NAMES.fullmatch(last):
        return 0
    return 1 if WHOLE_NAMES.fullmatch(last) else 2 if LABEL_NAMES.search(name) else 3


def is_aside(column: Column) -> bool:
    """Return whether a column that no name calls the label holds counts from 0, or answers to a question of consent."""
    values = column.values or {}
    are_counts = "0" in values and len(values) > MOST_FLAGS and are(column, NUMBERS)
    return rank(column.name) == 3 and (are_counts or bool(CONSENT.fullmatch(column.name)))


def is_label_name(name: str) -> bool:
    """Return whether a column is called what a label is called."""
    return rank(name) < 2


def can_be_label(column: Column) -> bool:
    """Return whether a column has few distinct values, at most half as many as rows, and no other name."""
    return why_no_label(column) is None


def is_repeating(column: Column) -> bool:
    """Return whether a column has at most half as many distinct values as rows, or two."""
    return column.values is not None and len(column.values) <= max(column.rows // 2, min(2, column.rows - 1))


def why_no_label(column: Column) -> str | None:
    """Return why a column is not the label, or None when it may be."""
    values, rows = column.values, column.rows
    holds_several = LIST not in column.splits or column.splits[LIST].several > 0
    reasons = {
        "its name": NOT_LABELS.fullmatch(column.name) is not None,
        "the names of splits": is_split(column),
        f"over {MOST_VALUES:,} values": values is None,
        "dates": are_dates(column),
        "lists": column.is_nested and holds_several,
        "lists of objects that name no label": are_records(column.examples),
        "empty": values == {},
        "one value": values is not None and len(values) == 1,
        f"{len(values or ()):,} values in {rows:,} rows": not is_repeating(column),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)
