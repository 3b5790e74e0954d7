"""Which kind of model ships, by what evaluate wrote, and what it takes of the rows that it is measured on."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from strata.base import files, tables
from strata.calibration import Calibration, read_parts
from strata.model.tokens import TokenizedRows
from strata.model_kinds import STACK, TFIDF, TRANSFORMER
from strata.runtime.feeds import Both, Taken
from strata.text.annotation import annotated
from strata.tfidf.fitted import Fitted, read_fitted
from strata.tfidf.ngrams import Reader


class Ships(NamedTuple):
    """kind: see strata/runtime/feeds.py. fitted: TF-IDF, None of a transformer. parts: of a stack, see `read_parts`."""

    kind: str
    fitted: Fitted | None
    parts: dict[str, Calibration]

    def taken(self, rows: TokenizedRows, split: Path) -> list[Taken]:
        """Return what the model takes of each row. split: the table with the rows' texts. Raises: as `tables.read`."""
        if self.kind == TRANSFORMER:
            return rows.input_ids
        reader, input_ids = Reader(self.fitted.vocabulary), rows.input_ids
        rows = tables.read(split, ["id", "text", "annotation"]).set_index("id").loc[rows.id]
        features = [reader.features(text) for text in annotated(rows["text"], rows["annotation"])]
        return features if self.kind == TFIDF else [Both(*both) for both in zip(input_ids, features, strict=True)]


def token_ids(taken: Sequence[Taken]) -> list[Sequence[int]]:
    """Return the token ids of rows, of what a transformer or a stack takes."""
    return [row.ids if isinstance(row, Both) else row for row in taken]


def read_ships(evaluate: Path) -> Ships:
    """Read evaluate's folder. Raises: StrataError when a file is missing or broken."""
    folder = evaluate / "ships"
    kind = files.read_json(folder / "kind.json")["kind"]
    fitted = None if kind == TRANSFORMER else read_fitted(folder)
    return Ships(kind, fitted, read_parts(evaluate / "calibration.json") if kind == STACK else {})
