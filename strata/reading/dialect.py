"""The delimiter, quotes and header of a delimited file, guessed from its first lines."""

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Callable
from typing import TextIO

from strata.reading import cells
from strata.reading.cells import Dialect, Texts, cell_rows
from strata.reading.whole_rows import WholeRows

SAMPLE = 1000  # lines
SAMPLE_SIZE = 1024 * 1024  # characters
SAMPLE_ROWS = 200  # from which the header is guessed
COMMON_NAMES = {"text", "review", "sentence", "comment", "message", "title", "body", "content", "tweet", "id"}
COMMON_NAMES |= {"texts", "reviews", "sentences", "comments", "messages", "tweets"}
COMMON_NAMES |= {"label", "labels", "class", "category", "target", "sentiment", "polarity", "topic", "intent"}
COMMON_NAMES |= {"rating", "score", "stars"}
NUMBERED = {"id", "index", "no", "nr", "row"}  # names above a number for each row
DELIMITERS = ",\t;|"
RARE_DELIMITERS = ("\x01", ":::", "|||")  # tried where each line holds one
DELIMITER_NAMES = "comma, tab, semicolon, vertical bar; \\x01, ::: and ||| if every line contains it"
NAME = re.compile(r"[^\W\d]\w*(?:[ .-]\w+){0,3}")
SURVEYMONKEY = {"Response", "Open-Ended Response"}  # above the answers, under the questions
MISSING = re.compile(r"(?i)n\.?a\.?n?|null|nil|none|missing|unknown|true|false|yes|no")
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T,].*)?")
MANY_WORDS = 8  # of a sentence, or of a survey's question
ABOVE = re.compile(r'#|"?sep=')


def read_sample(stream: TextIO) -> list[str]:
    """Read a file's first lines. The last one may be cut at cells.LONGEST."""
    sample, size = [], 0
    while len(sample) < SAMPLE and size < SAMPLE_SIZE and (line := stream.readline(cells.LONGEST)):
        sample.append(line)
        size += len(line)
    return sample


def find_dialect(sample: list[str], delimiter: str | None) -> Dialect:
    """Return the dialect in which the largest share of the sample's rows has the same number of cells, at least two.

    Ties go to the first of: double quotes, backslashes, single quotes, no quotes; then comma, tab, semicolon, bar.
    Reading without quotes is tried only with tabs, since elsewhere an unclosed quote is damage. A space is tried only
    if every line begins with a quote, as in R's write.table. delimiter: the format's, or None.
    """
    best, best_share = Dialect(delimiter or ",", '"', None), 0.0
    for dialect in _dialects(sample, delimiter):
        widths = [len(row) if row else 0 for _, row, _, _ in cell_rows(Texts(sample), dialect)]
        if not widths:
            continue
        width, count = Counter(widths).most_common(1)[0]
        share = count / len(widths) if width > 1 else 0.0
        if share > best_share + 1e-9:
            best, best_share = dialect, share
    return best


def _dialects(sample: list[str], delimiter: str | None) -> list[Dialect]:
    """Return the dialects to try, in order of preference."""
    lines = [line for line in sample if line.strip()]
    rare = [] if delimiter else [mark for mark in RARE_DELIMITERS if all(mark in line for line in lines)]
    delimiters = delimiter or DELIMITERS
    if not delimiter and lines and all(line.startswith('"') for line in lines):
        delimiters += " "
    quotes = [('"', None), ('"', "\\")] if any('\\"' in line for line in sample) else [('"', None)]
    dialects = [Dialect(mark, None, None) for mark in rare if lines]
    dialects += [Dialect(mark, quote, escape) for quote, escape in quotes for mark in delimiters]
    for mark in delimiter or DELIMITERS:
        if any(line.startswith("'") or f"{mark}'" in line for line in sample):
            dialects.append(Dialect(mark, "'", None))
    return [*dialects, *([Dialect("\t", None, None)] if "\t" in delimiters else [])]


def whole_rows(sample: list[str], dialect: Dialect) -> WholeRows:
    """Return a WholeRows of the sample's rows, without the first one, which may be a header."""
    rows = [row for _, row, _, _ in cell_rows(Texts(sample), dialect) if row]
    widths = Counter(map(len, rows)).most_common(1)
    return WholeRows(dialect.delimiter, widths[0][0] if widths else 0, rows[1:])


def without_quotes(sample: list[str], dialect: Dialect) -> Dialect:
    """Return the dialect without quotes, if the sample was written so: a quoted cell in it holds whole rows, no quote
    is doubled, and every line has the cells of the first. Else return the dialect.
    """
    if dialect.quote is None or any(2 * dialect.quote in line for line in sample):
        return dialect
    unquoted = dialect._replace(quote=None, escape=None)
    rows = [row or [] for _, row, _, _ in cell_rows(Texts(sample), unquoted)]
    is_header_quoted = bool(rows) and any(len(cell) > 1 and cell[0] == dialect.quote == cell[-1] for cell in rows[0])
    if is_header_quoted or len(set(map(len, rows))) > 1:
        return dialect
    is_several = whole_rows(sample, dialect)
    for _ in cell_rows(Texts(sample), dialect, is_several):
        pass
    return unquoted if is_several.found else dialect


def first_rows(
    sample: list[str], dialect: Dialect, is_several: Callable[[list[str], list[str]], bool] | None = None
) -> list[list[str]]:
    """Return the sample's first readable rows. is_several: as in `cell_rows`."""
    rows = itertools.islice(cell_rows(Texts(sample), dialect, is_several), SAMPLE_ROWS)
    return [row for _, row, _, _ in rows if row]


def lines_above(sample: list[str], delimiter: str | None) -> int:
    """Return how many lines stand above the table: comments that begin with #, and Excel's line sep=;.

    A line with as many cells as the table is the header, #id,text, or a row, unless COMMON_NAMES stand below it.
    """
    above = len(list(itertools.takewhile(lambda line: ABOVE.match(line) or not line.strip(), sample)))
    dialect = find_dialect(sample[above:], delimiter)
    first = first_rows(sample[above:], dialect)
    if not first or COMMON_NAMES & {cell.strip().lower() for cell in first[0]}:
        return above if first else 0
    rows = (first_rows([line], dialect) for line in sample[:above])
    return len(list(itertools.takewhile(lambda row: not row or len(row[0]) != len(first[0]), rows)))


def has_header(first: list[str], others: list[list[str]]) -> bool:
    """Return whether a file's first row holds names: no number, no sentence, no value that its column holds again.

    A long cell is a name, and no sentence, if the cells below it are short; or if it is a question, or far shorter than
    they are, and in another column a word stands above labels and is none of them. One of COMMON_NAMES makes the row a
    header in any case, as does a word or a question above a column of numbers, of dates or of true and false, and as do
    0, 1, 2 and so on, which pandas writes for columns without names. The same row again is no objection: each of
    several concatenated files has one. Neither is, beside a cell that is far shorter than the cells below it, a column
    that holds only its own name and empty cells, as surveys have for each choice; nor a single column that holds its
    own name among other values, if in another column a word stands above labels and is none of them.
    """
    others = [row for row in others if len(row) == len(first) and row != first]
    named = [cell.strip() for cell in first if cell.strip()]
    if named == [str(i) for i in range(len(named))] or COMMON_NAMES & {name.lower() for name in named}:
        return True
    columns = [{cell.strip() for cell in column} for column in zip(*others, strict=True)] or [set()] * len(first)
    if any(_is_name_above(cell.strip(), column - {""}) for cell, column in zip(first, columns, strict=True)):
        return True
    is_above_labels = any(map(_is_new_above_few, map(str.strip, first), zip(*others, strict=True)))
    cells = list(zip(map(str.strip, first), columns, strict=True))
    own_names = sum(bool(cell) and cell in column for cell, column in cells)
    is_above_texts = any(cell and cell not in column and _is_far_shorter(cell, column) for cell, column in cells)

    def is_row(cell: str, column: set[str]) -> bool:
        if _is_number(cell):
            return True
        if cell in column:
            return not (is_above_texts and (column == {cell, ""} or (own_names == 1 and is_above_labels)))
        return _is_sentence(cell, column) and not (is_above_labels and _is_short(cell, column))

    return not any(cell.strip() and is_row(cell.strip(), column) for cell, column in zip(first, columns, strict=True))


def names_groups(first: list[str], others: list[list[str]]) -> bool:
    """Return whether a file's first row names groups of columns, and the second row the columns.

    The first row leaves cells empty. The second fills each, with none of the values below it, and stands above labels.
    """
    if all(first) or not any(first) or not others or not all(others[0]):
        return False
    names, below = others[0], [row for row in others[1:] if len(row) == len(first)]
    columns = list(zip(*below, strict=True))
    is_new = all(cell not in column for cell, column in zip(names, columns, strict=False))
    return is_new and any(map(_is_new_above_few, names, columns)) and has_header(names, below)


def has_row_names(rows: list[list[str]], delimiter: str) -> bool:
    """Return whether a number of its own stands before each row but the first, as R's write.table writes row names.

    A delimiter at the end of each row makes them wider too, and so does a comma in the text of each.
    """
    if delimiter == ",":
        return False
    numbers = {row[0] for row in rows[1:]}
    is_wider = all(len(row) == len(rows[0]) + 1 for row in rows[1:]) and any(row[-1].strip() for row in rows[1:])
    return len(numbers) == len(rows) - 1 > 0 and is_wider and all(map(str.isdecimal, numbers))


def end_with_delimiter(rows: list[list[str]]) -> bool:
    """Return whether every row below the header ends with a delimiter that the header lacks.

    Not where the first cells may be R's row names, above which write.table puts no name: each value would move one
    column to the left.
    """
    numbers = {row[0] for row in rows[1:]}
    may_be_names = len(numbers) == len(rows) - 1 and all(map(str.isdecimal, numbers))
    if may_be_names and rows[0][0].strip().casefold() not in NUMBERED:
        return False
    return len(rows) > 1 and all(len(row) == len(rows[0]) + 1 and not row[-1].strip() for row in rows[1:])


def describes_answers(first: list[str], second: list[str]) -> bool:
    """Return whether a file's second row describes the answers, as in an export of SurveyMonkey: it is empty below
    the respondent's columns, and says what the cells below each question are.
    """
    if len(first) != len(second) or not first[0] or second[0] or not SURVEYMONKEY & {*second}:
        return False
    return {*second} <= {"", *SURVEYMONKEY} or first[0].startswith("Respondent")


def is_name_of_texts(first: str) -> bool:
    """Return whether the first row of a file of one column is its name: a word, and no text like those below it."""
    cell = first.strip()
    return cell.lower() in COMMON_NAMES or (" " not in cell and bool(NAME.fullmatch(cell)))


def _is_sentence(cell: str, column: set[str]) -> bool:
    """Return whether a cell is a sentence, as cells below it are."""
    return len(cell.split()) >= MANY_WORDS and any(len(value.split()) >= MANY_WORDS for value in column)


def _is_short(cell: str, column: set[str]) -> bool:
    """Return whether a cell is a question, or far shorter than the cells below it."""
    return cell.endswith("?") or _is_far_shorter(cell, column)


def _is_far_shorter(cell: str, column: set[str]) -> bool:
    return 2 * len(cell) < statistics.median(map(len, column))


def _is_new_above_few(cell: str, column: tuple[str, ...]) -> bool:
    """Return whether a word stands above a few values that each repeat, and is none of them."""
    counts = Counter(column)
    is_few = 1 < len(counts) <= len(column) / 10 and min(counts.values()) > 1
    return is_few and cell not in counts and bool(NAME.fullmatch(cell)) and not MISSING.fullmatch(cell)


def _is_name_above(cell: str, column: set[str]) -> bool:
    """Return whether a cell is a word or a question, and the cells below it are all numbers, dates, or true and false.

    NA and the like are no words: they also stand for a missing number in a first row.
    """
    is_name = NAME.fullmatch(cell) or len(cell.split()) >= MANY_WORDS or cell.endswith("?")
    if not is_name or MISSING.fullmatch(cell) or len(column) < 2:
        return False
    if {value.casefold() for value in column} == {"true", "false"} or all(map(DATE.fullmatch, column)):
        return True
    return all(map(_is_number, column))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
