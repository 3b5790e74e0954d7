"""What evaluate measures: every score with its interval, by label too, verdicts against the others, label noise."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.evaluate import label_noise
from stages.evaluate.hf_metric import ClassificationScores
from stages.evaluate.kinds import Line
from stages.evaluate.predictions import Predictions
from stages.evaluate.scored_rows import ScoredRows
from strata.decision import Threshold
from strata.intervals.bootstrap import intervals
from strata.intervals.of_labels import label_scores
from strata.intervals.significance import paired_comparison
from strata.labels import Labels
from strata.scoring import HEADLINES

VERDICT = ["model", "difference", "low", "high", "only_ours", "only_theirs", "p", "different", "words"]
"""Columns of the verdicts on accuracy, of the fine-tuned model against another: see `paired_comparison`."""


class Measures(NamedTuple):
    """What evaluate measures on the rows of all splits."""

    scores: dict[tuple[str, str], dict]  # by model (fp32, untuned, uncalibrated) and split
    labels: pd.DataFrame  # precision, recall and F1 of each label on test rows
    verdicts: pd.DataFrame  # VERDICT: against each other model on test rows
    label_noise: dict
    kinds: Sequence[Line] = ()  # what each kind of model gives

    def metrics(self) -> dict:
        """Return what metrics/evaluate.json holds."""
        test = self.scores["fp32", "test"]
        of_kinds = {line.kind: line.test["accuracy"] for line in self.kinds}
        return {name: test[name] for name in HEADLINES} | {"rows": test["rows"], "kinds": of_kinds}

    def verdict(self, model: str) -> dict:
        """Return the verdict against one model."""
        return self.verdicts.set_index("model").loc[model].to_dict()


def split_scores(rows: ScoredRows, positive: int | None, threshold: Threshold, seed: int) -> dict:
    """Return a split's scores, computed by Hugging Face's evaluate, their intervals and the number of rows."""
    scores = ClassificationScores(keep_in_memory=True).compute(
        predictions=rows.probabilities.tolist(), references=rows.label.tolist(), positive=positive, threshold=threshold
    )
    interval = intervals(rows.label, rows.probabilities, positive, rows.unit, seed, rows.predicted)
    return scores | {"rows": len(rows.id), "interval": interval}


def verdicts(test: ScoredRows, others: dict[str, np.ndarray], positive: int | None, seed: int) -> pd.DataFrame:
    """Return VERDICT, a line for each other model. others: probabilities of the test rows, (rows, labels), by name."""
    lines = []
    for name, probabilities in others.items():
        compared = paired_comparison(
            test.label, test.probabilities, probabilities, positive, test.unit, seed, test.predicted
        )
        told = {"model": name, "different": compared["different"], "words": compared["words"]}
        lines.append(told | compared["accuracy"] | compared["mcnemar"])
    table = pd.DataFrame(lines, columns=VERDICT)
    return table.astype(dict.fromkeys(("difference", "low", "high", "p"), float))


def measure(
    predictions: Predictions, baselines: dict[str, np.ndarray], labels: Labels, seed: int, kinds: list[Line]
) -> Measures:
    """Measure. baselines: probabilities of the test rows, (rows, labels), by name. kinds: of `kinds.compared`."""
    positive, cut, test = labels.positive_id, predictions.fit.threshold, predictions.rows["test"]
    splits = predictions.rows | {"validation": predictions.held_out}
    scores = {("fp32", name): split_scores(rows, positive, cut, seed) for name, rows in splits.items()}
    others = dict(baselines)
    if predictions.untuned:
        scores["untuned", "test"] = split_scores(predictions.untuned, positive, None, seed)
        others["untuned"] = predictions.untuned.probabilities
    scores["uncalibrated", "test"] = split_scores(predictions.uncalibrated, positive, None, seed)
    return Measures(
        scores=scores,
        labels=label_scores(test.label, test.predicted, labels.names, test.unit, seed),
        verdicts=verdicts(test, others, positive, seed),
        label_noise=label_noise.summary(test.id, test.label, test.probabilities, seed),
        kinds=kinds,
    )
