"""labels.json, the only file that says which id is which label and which label is the positive one."""

import json
from dataclasses import dataclass
from pathlib import Path

from strata.base.errors import StrataError

MEAN_OF_LABELS = "mean of all labels"  # name of the average of the labels' curves


@dataclass(frozen=True)
class Labels:
    """Label names in id order and, of two labels, the positive one."""

    names: list[str]
    positive: str | None

    @property
    def positive_id(self) -> int | None:
        """The positive label's id, or None with more than two labels."""
        return None if self.positive is None else self.names.index(self.positive)


def read_labels(path: Path) -> Labels:
    """Read labels.json. Raises: StrataError when it is missing or broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Labels(content["labels"], content["positive"])
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file; run stages.standardize, or dvc repro") from None
    except (ValueError, KeyError, TypeError) as error:
        raise StrataError(f"{path}: not a labels file ({error}); restore it: dvc checkout --force") from None
