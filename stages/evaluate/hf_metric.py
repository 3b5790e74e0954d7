"""All metrics of strata/scoring.py as one metric of Hugging Face's `evaluate`, which needs no network."""

import datasets
import evaluate
import numpy as np

from strata.decision import Threshold, decide
from strata.scoring import scores


class ClassificationScores(evaluate.Metric):
    """Scores of probabilities, given the true label ids.

    >>> ClassificationScores(keep_in_memory=True).compute(
    ...     predictions=[[0.9, 0.1], [0.2, 0.8]], references=[0, 1], positive=1)["accuracy"]
    1.0
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="The metrics of strata/scoring.py: accuracy, F1, areas under curves, calibration and others",
            citation="",
            inputs_description="predictions: a probability for each label; references: label ids; positive: label id "
            "or None; threshold: of the positive label's probability, or of each label's, or None",
            features=datasets.Features(
                {"predictions": datasets.List(datasets.Value("float64")), "references": datasets.Value("int64")}
            ),
        )

    def _compute(
        self, predictions: list, references: list, positive: int | None, threshold: Threshold = None
    ) -> dict[str, float | None]:
        probabilities = np.asarray(predictions)
        return scores(np.asarray(references), probabilities, positive, decide(probabilities, positive, threshold))
