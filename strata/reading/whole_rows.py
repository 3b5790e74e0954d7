"""Whether a quoted cell of several lines holds whole rows, because the file was written without quoting.

In such a file, one text may begin with a quote and a later text may end with one, so that all lines between look like
one cell. The cells around the line breaks show it: a label that other rows have, or an id in the form of other ids.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable

KNOWN = 0.8  # least share of a column's values in forms that occur more than once
ODD = 0.2  # greatest share of the lines that do not look like rows
EXAMPLE = 60  # characters


class WholeRows:
    """Distinguish cells that hold whole rows from texts of several lines, and count the undecided cells."""

    def __init__(self, delimiter: str, width: int, rows: Iterable[list[str]]):
        """width: the number of columns. rows: of the file, the first ones.

        A cell without line breaks is in its column whether or not the file was written without quoting.
        """
        self._delimiter = delimiter
        self._width = width
        self.found = 0
        self.first_found = ""
        self.unsure = 0
        self.example = ""
        rows = [row for row in rows if len(row) == width]
        columns = list(zip(*rows, strict=True)) if width > 1 else []
        self._known = {
            place: known for place, column in enumerate(columns) if (known := _known_forms(column, delimiter))
        }
        # in these columns, a comma followed by a space belongs to a sentence and is no delimiter
        self._tight = [place for place, column in enumerate(columns) if not any(cell[:1] == " " for cell in column)]

    def __call__(self, lines: list[str], cells: list[str]) -> bool:
        """Return whether lines that were read as one row are several rows. cells: of that one row."""
        if self._width < 2:
            return False
        odd = 0
        for line in lines:
            odd += not (self._is_like_a_row(line) or line.isspace())
            if odd > ODD * len(lines):
                return False
        lines = [line for line in lines if not line.isspace()]
        is_many = (not odd and len(cells) != self._width) or self._ends_like_rows(lines, cells)
        if is_many is None and not odd:
            self.unsure += 1
            self.example = self.example or "".join(lines)[:EXAMPLE]
        if is_many:
            self.found += 1
            self.first_found = self.first_found or "".join(lines)[:EXAMPLE]
        return bool(is_many)

    def _is_like_a_row(self, line: str) -> bool:
        if line.count(self._delimiter) != self._width - 1:
            return False
        cells = line.split(self._delimiter)
        return not any(cells[place].startswith(" ") for place in self._tight)

    def _ends_like_rows(self, lines: list[str], cells: list[str]) -> bool | None:
        """Return whether rows end at half of the line breaks or more; None if undecided.

        The cells before the quoted ones in the first line, and after them in the last line, tell nothing: they
        are the same either way. So check the cells after them in all lines but the last, and
        the cells before them in all lines but the first.
        """
        broken = [place for place, cell in enumerate(cells) if "\n" in cell or "\r" in cell]
        before = [place for place in self._known if place < broken[0]]
        after = [place for place in self._known if place > broken[-1]]
        parted = [line.rstrip("\r\n").split(self._delimiter) for line in lines]
        ends = 0
        for line, following in itertools.pairwise(parted):
            if not len(line) == len(following) == self._width:
                continue
            around = [(place, line[place]) for place in after] + [(place, following[place]) for place in before]
            given = [(place, cell) for place, cell in around if cell.strip(' "')]
            ends += bool(given) and all(_form(cell) in self._known[place] for place, cell in given)
        if 2 * ends >= len(lines) - 1:
            return True
        return None if ends or not (before or after) else False


def _form(cell: str) -> str:
    """Return a cell with each number as 0: 2024-01-31 and 2023-05-06 have one form, as have A-1 and A-2."""
    return re.sub(r"\d+", "0", cell.strip(' "'))


def _known_forms(column: Iterable[str], delimiter: str) -> set[str]:
    """Return the forms that occur more than once in a column; none if they cover too few of its values.

    Beside a comma, only forms with a letter: numbers in texts hold commas too, such as 5,000 people and 3,50 Euro.
    """
    counts = Counter(map(_form, column))
    del counts[""]
    known = {form for form, count in counts.items() if count > 1}
    if delimiter == ",":
        known = {form for form in known if re.search(r"[^\W\d_]", form)}
    return known if sum(counts[form] for form in known) >= max(1, KNOWN * counts.total()) else set()
