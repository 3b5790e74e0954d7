"""An uploaded file with what the model says of its rows, as CSV."""

import asyncio
import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from strata.base.errors import StrataError
from strata.labelling.labeller import LABEL, LIKELIEST, PROBABILITY
from strata.labelling.rows import free_names
from strata.serving.models import Model
from strata.serving.refused import Refused
from strata.serving.service import Service
from strata.serving.uploaded import Uploaded

TOGETHER = 64  # texts that are queued at a time, so that other clients are not held up
BUSY = (503, 504)  # the queue is full, or slow
PATIENCE = 60  # seconds that a full queue is waited for


async def answers(service: Service, model: Model, rows: list[dict], progress: Callable[[int], None]) -> list[dict]:
    """Return the answer to each row. rows: as the model reads them.

    progress: takes the number of rows that are done. Raises: Refused.
    """
    made: list[dict] = []
    for start in range(0, len(rows), TOGETHER):
        made += await _patient(service, model, rows[start : start + TOGETHER])
        progress(len(made))
    return made


async def _patient(service: Service, model: Model, rows: list[dict]) -> list[dict]:
    """Return the answers to some rows, as soon as the queue takes them. Raises: Refused."""
    waited = 0
    while True:
        try:
            return await service.answers(model, rows)
        except Refused as refused:
            if refused.status not in BUSY or waited >= PATIENCE:
                raise
            seconds = refused.retry_after or 1
        await asyncio.sleep(seconds)
        waited += seconds


def write(path: Path, upload: Uploaded, answered: list[dict], may_abstain: bool) -> None:
    """Write the rows as CSV: their columns as they are, then what was answered. Raises: StrataError on a full disk."""
    columns = (LABEL, PROBABILITY, *(LIKELIEST if may_abstain else ()))
    names = free_names(upload.table.column_names, columns)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*upload.table.column_names, *names.values()])
            for row, answer in zip(_rows(upload), answered, strict=True):
                writer.writerow([*row, *_cells(answer, columns)])
    except OSError as error:
        raise StrataError(f"the labelled file cannot be written ({error.strerror}); try again later") from None


def _rows(upload: Uploaded) -> Iterator[tuple]:
    return zip(*(column.to_pylist() for column in upload.table.columns), strict=True)


def _cells(answer: Mapping, columns: tuple[str, ...]) -> list:
    """Return what is said of a row, None for an empty cell."""
    likeliest = [one["label"] for one in answer.get("likeliest", ())] or [None] * len(LIKELIEST)
    return [answer["label"], answer["probability"], *likeliest][: len(columns)]


def counts(answered: list[dict]) -> Counter[str]:
    """Return the number of rows by what is said of them."""
    return Counter(
        answer["label"] or ("(no text)" if answer["probability"] is None else "(not sure)") for answer in answered
    )
