"""What standardize refuses, and how to fix it: too many rejects, several labels, labels without rows."""

from collections import Counter
from pathlib import Path

import numpy as np

from stages.standardize.counts import Counts
from stages.standardize.label_column import label_columns
from strata.base.errors import StrataError
from strata.label_rules import unlisted_sentence
from strata.settings.recipe import Columns
from strata.several_labels import sentence, ways


def check_rejects(path: Path, counts: Counts, most: float) -> None:
    """Raise StrataError when more than the share `most` of the unfiltered rows was rejected."""
    rejects = counts.rejected.total()
    total = len(counts.label) + rejects
    if rejects <= most * total:
        return
    if counts.unlisted and rejects == counts.unlisted.total():
        raise StrataError(f"{path}: {unlisted_sentence(counts.unlisted)}")
    first = counts.first_reject
    others = f"; {unlisted_sentence(counts.unlisted)}" if counts.unlisted else ""
    raise StrataError(
        f"{path}: {rejects:,} of {total:,} rows lack a text, a label or a date, more than "
        f"standardize.max_rejects ({most:g}) allows; first: {first['file']}, line {first['line']} "
        f"({first['reason']}); fix them{_dropping(counts)}, or raise standardize.max_rejects{others}"
    )


def _dropping(counts: Counts) -> str:
    """Return how the recipe drops rows that lack a text or a label."""
    ways = {
        "empty text": "drop empty texts with keep.min_words: 1",
        "no label": "drop rows without a label with keep.where: COLUMN.notna(), or COLUMN != '[]' for empty lists",
    }
    return "".join(f", {way}" for reason, way in ways.items() if counts.rejected[reason])


def check_several(path: Path, columns: Columns, counts: Counts) -> None:
    """Raise StrataError when rows have several labels."""
    if not counts.several:
        return
    (example, split), _ = min(counts.several.items(), key=lambda item: (-item[1], item[0]))
    if isinstance(columns.label, list):
        raise StrataError(
            f"{path}: {counts.several.total():,} rows have several of the columns {', '.join(columns.label)} set, such "
            f"as {example[:80]}, and a row can have one label; name one of them as columns.label, and write a recipe "
            "for each"
        )
    column = label_columns(columns)[0]
    listed = "list a value in brackets, label: [VALUE], if it is one label"
    raise StrataError(f"{path}: {sentence(column, counts.several.total(), example)}; {ways(column, split)}; {listed}")


def check_labels(path: Path, label: np.ndarray, names: list[str]) -> None:
    """Raise StrataError when a label has no row. label: (rows,) int."""
    counts = Counter(label.tolist())
    missing = [name for label_id, name in enumerate(names) if label_id not in counts]
    if missing:
        present = ", ".join(f"{names[label_id]} {count:,}" for label_id, count in counts.most_common())
        raise StrataError(
            f"{path}: no row has the label {', '.join(missing)} (found: {present or 'no rows at all'}); every label "
            "needs rows: fix labels or keep in the recipe"
        )


def say_missing(path: Path, label: np.ndarray, names: list[str]) -> None:
    """Say which labels a test file lacks. Raises: StrataError when it has rows of one label or none."""
    present = np.unique(label)
    if len(present) < 2:
        check_labels(path, label, names)
    missing = [name for label_id, name in enumerate(names) if label_id not in present]
    if missing:
        print(f"standardize: the test file has no row of {', '.join(missing)}; the other labels are evaluated on it")
