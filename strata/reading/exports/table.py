"""The exports of annotation tools whose rows are nested objects, in one table, and their rows made flat.

To add one, write a module with the functions

    is_row(row: dict) -> bool
    flat(row: dict) -> dict | list[dict] | None

and add it to EXPORTS. `is_row` recognises the first row, `flat` returns a row's columns: its texts and, in a column of
its own, its label; a list where it has several. None leaves the row out, a list of columns makes several rows of it.
"""

import itertools
from collections.abc import Callable, Iterator
from types import ModuleType

from strata.reading.exports import (
    categories,
    chat,
    chatbot,
    doccano,
    fiftyone,
    ground_truth,
    label_studio,
    label_studio_min,
    pieces,
    prodigy,
)
from strata.reading.row_batches import Row

EXPORTS: dict[str, ModuleType] = {
    "Label Studio's JSON": label_studio,
    "Label Studio's JSON-MIN": label_studio_min,
    "Prodigy's JSONL": prodigy,
    "doccano's JSONL": doccano,
    "spaCy's categories": categories,
    "SageMaker Ground Truth's manifest": ground_truth,
    "FiftyOne's samples": fiftyone,
    "a chat bot's intents": chatbot,
    "a chat bot's utterances in pieces": pieces,
    "conversations that end with their label": chat,
}


def export_name(row: dict) -> str | None:
    """Return the name of the export that a row is of, or None."""
    return next((name for name, export in EXPORTS.items() if export.is_row(row)), None)


def flat_rows(rows: Iterator[Row], report: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows of any JSON file, flat where the first object is that of an export in the table."""
    start = []
    for row in rows:
        start.append(row)
        if row[1] is not None:
            break
    first = start[-1][1] if start else None
    name = export_name(first) if first else None
    if name is None:
        yield from itertools.chain(start, rows)
        return
    report(f"read as {name}")
    left_out = 0
    for line, row, reason, raw in itertools.chain(start, rows):
        columns = None if row is None else EXPORTS[name].flat(row)
        if row is not None and columns is None:
            left_out += 1
            continue
        for flat in columns if isinstance(columns, list) else [columns]:
            yield line, flat, reason, raw
    if left_out:
        report(f"{left_out:,} rows that nobody accepted or finished are left out")
