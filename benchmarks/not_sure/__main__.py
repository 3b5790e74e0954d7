"""How often is the error of the given predictions above its bound on rows that did not choose the threshold?

    make office; dvc repro
    python -m benchmarks.not_sure      # half an hour on two cores; writes benchmarks/not_sure/results.json

Rows that a model was not trained on are split again, RESPLITS times. A third of them, as many as validation rows are
beside test rows, or a tenth, fits the temperature and chooses the threshold of `error <= BOUND`; the others are unseen.
Counted is the share of resplits in which the error of the answered rows is above the bound: of the unseen rows, and of
all rows, which stand for the source that the rows were drawn from. The bound is about the source. The error of unseen
rows is above it by their own chance, too, the more often the fewer they are.

The sets: Rotten Tomatoes, of this project's run; IMDb by TF-IDF; IMDb by the int8 model of Rotten Tomatoes; and three
labels. The probabilities are kept in data/not_sure/, and not computed again.
"""

import argparse
import itertools
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.not_sure.rows import DEFAULTS, Scored, sets
from strata import calibration
from strata.decision import is_sure
from strata.goal import CONFIDENCE
from strata.intervals.risk_bound import lowest_threshold
from strata.intervals.wilson import wilson_interval

BOUNDS = (0.02, 0.05, 0.10)
CHOOSING = (1 / 3, 1 / 10)  # of the rows
RESPLITS, SEED = 200, 0


class Outcome(NamedTuple):
    """Of a resplit with a threshold: the share of unseen rows answered, and the error of these and of all answered."""

    answered: float
    unseen: float
    pool: float


def outcome(label: np.ndarray, logits: np.ndarray, choosing: np.ndarray, bound: float) -> Outcome | None:
    """Return a resplit's outcome, None without a threshold. choosing: (rows,) bool, the rows that choose.

    logits: (rows, labels); log probabilities will do.
    """
    labels = logits.shape[1]
    fitted = calibration.fit(logits[choosing], label[choosing], np.zeros(labels))
    probabilities = fitted.probabilities(logits)
    predicted = probabilities.argmax(axis=1)
    wrong = predicted != label
    threshold = lowest_threshold(probabilities.max(axis=1)[choosing], wrong[choosing], bound, CONFIDENCE, labels)
    if threshold is None:
        return None
    answered = is_sure(probabilities, predicted, threshold)
    unseen = answered & ~choosing
    return Outcome(unseen.sum() / (~choosing).sum(), wrong[unseen].mean(), wrong[answered].mean())


def of_resplits(label: np.ndarray, probabilities: np.ndarray, choosing: int, bound: float) -> dict:
    """Return what RESPLITS resplits give. One without a threshold answers nothing, and errs nowhere.

    choosing: the number of rows that choose.
    """
    random, logits = np.random.default_rng(SEED), np.log(np.maximum(probabilities, 1e-12))
    orders = [random.permutation(len(label)) for _ in range(RESPLITS)]
    given = [one for order in orders if (one := outcome(label, logits, order < choosing, bound)) is not None]

    def mean(name: str) -> float | None:
        return round(float(np.mean([getattr(one, name) for one in given])), 4) if given else None

    above = {name: sum(getattr(one, name) > bound for one in given) / RESPLITS for name in ("unseen", "pool")}
    return {
        "bound": bound,
        "no_threshold": (RESPLITS - len(given)) / RESPLITS,
        "unseen_above": above["unseen"],
        "unseen_above_interval": [round(end, 4) for end in wilson_interval(above["unseen"], RESPLITS)],
        "all_above": above["pool"],
        "answered": mean("answered"),
        "error_of_unseen": mean("unseen"),
    }


def lines(name: str, scored: Scored) -> list[dict]:
    """Return a line for each model of a set, share of rows that chooses, and bound."""
    rows, labels = len(scored.label), int(scored.label.max()) + 1
    told = []
    for model, probabilities in scored.models.items():
        accuracy = round(float((probabilities.argmax(axis=1) == scored.label).mean()), 4)
        about = {"set": name, "labels": labels, "rows": rows, "model": model, "accuracy": accuracy}
        for choosing, bound in itertools.product([round(share * rows) for share in CHOOSING], BOUNDS):
            told.append(about | {"choosing": choosing} | of_resplits(scored.label, probabilities, choosing, bound))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in DEFAULTS.items():
        parser.add_argument(f"--{name}", type=Path, default=default)
    args = parser.parse_args()
    scored = sets(args.project, args.model, args.office, args.scores)
    told = [line for name, rows in scored.items() for line in lines(name, rows)]
    text = json.dumps({"resplits": RESPLITS, "confidence": CONFIDENCE, "lines": told}, indent=2)
    Path(__file__).with_name("results.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
