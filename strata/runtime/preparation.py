"""preparation.json of a model folder: how a row of the source becomes the text that the model reads.

It holds what the recipe says of texts, so that a new text needs no preparing: which columns are joined, how they are
cleaned, and which are appended as special tokens.
"""

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from strata.base import files
from strata.base.errors import StrataError
from strata.text.annotation import annotated, row_tokens
from strata.text.cleaning import cleaned
from strata.text.joined import joined

NAME = "preparation.json"


class Preparation(NamedTuple):
    """text: columns that are joined. clean: steps, in order. annotate: as in `row_tokens`."""

    text: Sequence[str] = ("text",)
    clean: Sequence[str] = ()
    annotate: Sequence[tuple[str, str | None]] = ()

    @property
    def columns(self) -> list[str]:
        """The columns of the source that a text is made of, each once."""
        return list(dict.fromkeys([*self.text, *(column for column, _ in self.annotate)]))

    def plain(self, columns: Mapping[str, Sequence[Any]]) -> list[str]:
        """Return the text of each row, without annotations; "" where it is missing.

        columns: those of `columns`, as text; None or NaN where a value is missing.
        """
        return cleaned(joined([columns[name] for name in self.text]), self.clean)

    def annotated(self, texts: list[str], columns: Mapping[str, Sequence[Any]], known: Container[str]) -> list[str]:
        """Return the plain text of each row followed by its special tokens.

        columns: as in `plain`. known: the special tokens that the model was trained with; others are left out.
        """
        if not self.annotate:
            return texts
        tokens = (filter(known.__contains__, row) for row in row_tokens(columns, self.annotate))
        return annotated(texts, (" ".join(row) or None for row in tokens))


def write_preparation(folder: Path, preparation: Preparation) -> None:
    """Write preparation.json."""
    files.write_json(folder / NAME, preparation._asdict())


def read_preparation(folder: Path) -> Preparation:
    """Read preparation.json; without one, texts are read as they are. Raises: StrataError where it is broken."""
    path = folder / NAME
    if not path.is_file():
        return Preparation()
    content = files.read_json(path)
    try:
        annotate = [(str(column), None if split is None else str(split)) for column, split in content["annotate"]]
        preparation = Preparation(list(map(str, content["text"])), list(map(str, content["clean"])), annotate)
        cleaned([""], preparation.clean)
    except (KeyError, TypeError, ValueError):
        raise StrataError(f"{path}: does not say how texts are prepared; take the folder from one run") from None
    if not preparation.text:
        raise StrataError(f"{path}: names no column of texts; take the folder from one run")
    return preparation
