"""Simulate the gate's limit on the loss of a label's recall.

    python -m benchmarks.label_limit    # some minutes; writes benchmarks/label_limit/results.json

The fp32 model is right on RECALL of the rows. A good int8 model gives some rows another label, drawn at random. A bad
one also never predicts one of the labels. For both, `max_label_loss` alone, one row allowed, is compared
with the gate's `label_limit`.
"""

import json
from pathlib import Path

import numpy as np

from stages.quantize.gate import at_least_one_row, label_limit
from strata.runtime.closeness import exceeds
from strata.settings.params import Quantize
from strata.settings.yaml_loader import read_yaml

RESULTS = Path(__file__).parent / "results.json"
LIMITS = Quantize.model_validate(read_yaml(Path(__file__).parents[2] / "params.yaml")["quantize"])
DRAWS = 1000
FLIPS = (0.01, 0.02, 0.03)  # shares of the rows
RECALL = 0.8
CASES = {  # rows of each label
    "2 labels of 427 rows": [427] * 2,
    "5 labels of 40 rows": [40] * 5,
    "20 labels of 5 to 200 rows": [round(5 * 40 ** (i / 19)) for i in range(20)],
    "77 labels of 17 rows": [17] * 77,
    "150 labels of 20 rows": [20] * 150,
}


def measured(rows: list[int], flips: float, lost: int | None, random: np.random.Generator) -> dict:
    """Draw the predictions of two models. Return the losses that the limit reads. lost: a label never predicted."""
    labels = len(rows)
    label = np.repeat(np.arange(labels), rows)

    def another(of: np.ndarray) -> np.ndarray:
        return (of + random.integers(1, labels, len(of))) % labels

    fp32 = np.where(random.random(len(label)) < RECALL, label, another(label))
    int8 = np.where(random.random(len(label)) < flips, another(fp32), fp32)
    if lost is not None:
        int8 = np.where(int8 == lost, (lost + 1) % labels, int8)
    hits = np.bincount(label, fp32 == label) - np.bincount(label, int8 == label)
    return {
        "label_loss": {str(i): float(loss) for i, loss in enumerate(hits / rows)},
        "changed": {str(i): int(count) for i, count in enumerate(np.bincount(label, fp32 != int8))},
    }


def refused(draw: dict, rows: list[int]) -> tuple[set[str], set[str]]:
    """Return the labels that max_label_loss alone refuses, and those that the gate refuses."""
    alone, gate = set(), set()
    for name, loss in draw["label_loss"].items():
        rows_of_label = rows[int(name)]
        if exceeds(loss, at_least_one_row(LIMITS.max_label_loss, rows_of_label)):
            alone.add(name)
        if exceeds(loss, label_limit(draw, name, rows_of_label, sum(rows), LIMITS)):
            gate.add(name)
    return alone, gate


def simulate(rows: list[int], flips: float) -> dict[str, dict[str, float]]:
    """Return the share of draws in which a good model is refused, and in which a lost label is named, by each rule."""
    random = np.random.default_rng(0)
    lost = random.integers(0, len(rows), DRAWS)
    good = [refused(measured(rows, flips, None, random), rows) for _ in range(DRAWS)]
    bad = [refused(measured(rows, flips, label, random), rows) for label in lost]
    return {
        rule: {
            "good_refused": float(np.mean([bool(draw[i]) for draw in good])),
            "lost_named": float(np.mean([str(label) in draw[i] for label, draw in zip(lost, bad, strict=True)])),
        }
        for i, rule in enumerate(("max_label_loss alone", "gate"))
    }


def main() -> None:
    cases = {name: {str(flips): simulate(rows, flips) for flips in FLIPS} for name, rows in CASES.items()}
    results = {"draws": DRAWS, "recall": RECALL, "cases": cases}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
