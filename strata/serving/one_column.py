"""A CSV file of one column, which `strata.reading` refuses: a recipe needs a label beside the text."""

from pathlib import Path

import pyarrow as pa

from strata.reading import values
from strata.reading.cells import Dialect, Texts, cell_rows
from strata.reading.dialect import find_dialect, first_rows, has_header, lines_above, read_sample
from strata.reading.encoding import find_encoding, open_text
from strata.rejects import Rejects

QUOTED = Dialect(",", '"', None)


def has_one_column(path: Path) -> bool:
    """Return whether no separator is found in a file's first lines."""
    with path.open("rb") as stream, open_text(stream, find_encoding(path, None, lambda _: None)) as text:
        sample = read_sample(text)
    sample = sample[lines_above(sample, None) :]
    first = first_rows(sample, find_dialect(sample, None))
    return bool(first) and len(first[0]) == 1


def one_column(path: Path, most: int, rejects: Rejects) -> pa.Table:
    """Return the column of a file, at most `most` rows and one more. rejects: takes the rows that cannot be read."""
    with path.open("rb") as stream, open_text(stream, find_encoding(path, None, lambda _: None)) as text:
        sample = read_sample(text)
        above = lines_above(sample, None)
        first = first_rows(sample[above:], QUOTED)
        is_named = has_header(first[0], first[1:])
        texts: list[str] = []
        for line, cells, unreadable, _ in cell_rows(Texts(sample[above:], text), QUOTED):
            if reason := unreadable or _why_no_text(cells):
                rejects.append({"line": line + above, "reason": reason})
            else:
                texts.append(cells[0])
            if len(texts) > most + is_named:
                break
    name = texts.pop(0).strip() if is_named and texts else "text"
    return pa.table({name or "text": pa.array(texts, pa.string())})


def _why_no_text(cells: list[str]) -> str | None:
    """Return why a row is not one text, or None where it is."""
    if len(cells) != 1:
        return f"{len(cells)} cells in a file of one column; a text with commas stands in quotes"
    return values.unusable({"": cells[0]})
