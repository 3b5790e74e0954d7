"""Whether a quantized model is close enough to the fp32 one to ship: every limit, on the same rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from strata.base.errors import StrataError
from strata.decision import decide
from strata.labels import Labels
from strata.runtime.closeness import closeness, exceeds, least_agreement
from strata.scoring import LOWER_IS_BETTER, scores
from strata.settings.params import Quantize


@dataclass(frozen=True)
class Split:
    """Rows that both models score.

    frame: id, label, unit and probabilities, those of fp32. input_ids: token ids of each row. threshold: as in
    `decide`.
    """

    frame: pd.DataFrame
    input_ids: list[np.ndarray]
    labels: Labels
    threshold: float | None

    @property
    def fp32(self) -> np.ndarray:
        """The fp32 model's probabilities: (rows, labels)."""
        return np.stack(self.frame["probabilities"])

    def predicted(self, probabilities: np.ndarray) -> np.ndarray:
        """Return ids of labels, (rows,) int. probabilities: (rows, labels)."""
        return decide(probabilities, self.labels.positive_id, self.threshold)


def compare(split: Split, quantized: np.ndarray, metric: str) -> dict:
    """Tell how far a quantized model is from the fp32 one. quantized: its probabilities, (rows, labels).

    Returns: `loss` of the metric, above 0 where quantized is worse; `label_loss`, by which the share of each label's
    rows that get it falls, None for one without rows; and `agreement` and `drift` of `closeness`.
    Raises: StrataError when the metric is undefined on these rows.
    """
    label, both = split.frame["label"].to_numpy(), (split.fp32, quantized)
    predicted = [split.predicted(probabilities) for probabilities in both]
    one, other = (
        scores(label, probabilities, split.labels.positive_id, made)[metric]
        for probabilities, made in zip(both, predicted, strict=True)
    )
    if one is None or other is None:
        raise StrataError(f"quantize.gate_metric {metric} is undefined on these rows; choose another")
    label_loss = {}
    for i, name in enumerate(split.labels.names):
        own = label == i
        recall = [(made[own] == i).mean() if own.any() else None for made in predicted]
        label_loss[name] = float(recall[0] - recall[1]) if own.any() else None
    return {
        "loss": float((one - other) * (-1 if metric in LOWER_IS_BETTER else 1)),
        "label_loss": label_loss,
        **closeness(*both, split.labels.positive_id, split.threshold),
    }


def refusals(found: dict, split: Split, limits: Quantize) -> list[str]:
    """Return what of `compare` is beyond its limit, a phrase each; none where the model may ship.

    No limit of a share of rows is tighter than one row: a label of ten rows loses 0.1 with the first.
    """
    label = split.frame["label"].to_numpy()
    said = []

    def refuse(what: str, value: float, limit: float) -> None:
        if exceeds(value, limit):
            said.append(f"{what} {value:.4f}, most allowed {limit:.4g}")

    metric, limit = limits.gate_metric, limits.max_loss
    refuse(f"loss of {metric}", found["loss"], _at_least_a_row(limit, len(label)) if metric == "accuracy" else limit)
    for i, name in enumerate(split.labels.names):
        lost = found["label_loss"][name]
        if lost is not None:
            refuse(
                f"loss of recall of label {name}", lost, _at_least_a_row(limits.max_label_loss, int((label == i).sum()))
            )
    least = least_agreement(limits.min_agreement, len(label))
    if exceeds(least, found["agreement"]):
        said.append(f"agreement {found['agreement']:.4f}, least allowed {least:.4g}")
    refuse("drift of probabilities", found["drift"], limits.max_drift)
    return said


def _at_least_a_row(limit: float, rows: int) -> float:
    """A negative limit demands a gain, and is kept."""
    return limit if limit < 0 else max(limit, 1 / rows)
