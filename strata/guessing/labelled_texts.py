"""What the text and the label of a row say together: labels of no text, and texts of several labels."""

from collections import Counter
from collections.abc import Iterable

from strata.duplicates.normalise import normalise
from strata.label_rules import label_value

MOST_TEXTS = 100_000  # different texts that are looked for again, so that memory does not grow with the rows


class LabelledTexts:
    """Counts of the rows that have a text."""

    def __init__(self, rows: Iterable[tuple[str | None, str | None]]):
        """rows: the text and the value of the label's column of each."""
        self.values: Counter[str] = Counter()  # rows by value
        self.unlabelled = 0  # rows with a text and no label
        found: dict[int, set[str]] = {}
        again: set[int] = set()
        for text, value in rows:
            if text is None or not (stripped := text.strip()):
                continue
            if value is None or not value.strip() or not (label := label_value(value)):
                self.unlabelled += 1
                continue
            self.values[label] += 1
            key = hash("".join(normalise(stripped).split()))  # the same copies that split finds
            if key in found:
                again.add(key)
                found[key].add(label)
            elif len(found) < MOST_TEXTS:
                found[key] = {label}
        self.repeated = len(again)  # texts
        self.clashing = sum(len(found[key]) > 1 for key in again)

    def labels(self, name: str, values: Counter[str]) -> tuple[Counter[str], list[str]]:
        """Return the values of the label that rows with a text have, and the doubts. name: of the label's column."""
        labels = Counter({value: self.values[value] for value in values if self.values[value]})
        doubts = []
        if len(labels) < 2:
            labels = values
        elif without := [value for value in values if value not in labels]:
            shown = ", ".join(map(repr, without[:5])) + (" and more" if len(without) > 5 else "")
            doubts.append(f"{shown} in {name} stands in rows without a text alone, such as a sum, and is no label")
        if self.clashing:
            if self.repeated > 1:
                which = f"{self.repeated:,} texts stand in several rows, {self.clashing:,} of them"
            else:
                which = "one text stands in several rows"
            doubts.append(
                f"{which} with different labels, and all rows are kept; for one label a text, set split.conflicts in "
                "params.yaml to majority, or to drop, which leaves these texts out"
            )
        return labels, doubts
