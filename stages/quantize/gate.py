"""The gate: is a quantized model close enough to the fp32 one to ship? Every limit, on the same rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom

from strata.base.errors import StrataError
from strata.decision import Threshold, decide
from strata.labels import Labels
from strata.runtime.closeness import closeness, exceeds, least_agreement
from strata.scoring import LOWER_IS_BETTER, scores
from strata.settings.params import Quantize

ALPHA = 0.05  # at most: probability that a good model is refused for the recall of a label


@dataclass(frozen=True)
class GateRows:
    """One split's rows, which both models score.

    frame: id, label, unit and probabilities, the fp32 model's. input_ids: token ids of each row. threshold: as in
    `decide`.
    """

    frame: pd.DataFrame
    input_ids: list[np.ndarray]
    labels: Labels
    threshold: Threshold

    @property
    def label(self) -> np.ndarray:
        """The rows' labels: (rows,) int."""
        return self.frame["label"].to_numpy()

    @property
    def fp32(self) -> np.ndarray:
        """The fp32 model's probabilities: (rows, labels)."""
        return np.stack(self.frame["probabilities"])

    def predicted(self, probabilities: np.ndarray) -> np.ndarray:
        """Return label ids, (rows,) int. probabilities: (rows, labels)."""
        return decide(probabilities, self.labels.positive_id, self.threshold)


def losses(rows: GateRows, quantized: np.ndarray, metric: str) -> dict:
    """Return how much worse a quantized model is than the fp32 one. quantized: its probabilities, (rows, labels).

    Returns: `loss` of the metric, positive if the quantized model is worse; `label_loss`, the loss of each label's
    recall, None for a label without rows; `changed`, the number of rows of each label that are predicted otherwise;
    `agreement` and `drift`, as in `closeness`.
    Raises: StrataError when the metric is undefined on these rows.
    """
    fp32, labels = rows.fp32, rows.labels
    return {
        "loss": _value(rows, fp32, metric) - _value(rows, quantized, metric),
        "label_loss": _label_losses(rows, quantized),
        "changed": _changed(rows, quantized),
        **closeness(fp32, quantized, labels.positive_id, rows.threshold),
    }


def _value(rows: GateRows, probabilities: np.ndarray, metric: str) -> float:
    """Return the metric, with its sign flipped if lower is better. Raises: as `losses`."""
    predicted = rows.predicted(probabilities)
    value = scores(rows.label, probabilities, rows.labels.positive_id, predicted)[metric]
    if value is None:
        raise StrataError(f"quantize.gate_metric {metric} is undefined on these rows; choose another")
    return -value if metric in LOWER_IS_BETTER else value


def _label_losses(rows: GateRows, quantized: np.ndarray) -> dict[str, float | None]:
    before, after = rows.predicted(rows.fp32), rows.predicted(quantized)
    label_loss = {}
    for i, name in enumerate(rows.labels.names):
        has_label = rows.label == i
        recall_loss = (before[has_label] == i).mean() - (after[has_label] == i).mean() if has_label.any() else None
        label_loss[name] = None if recall_loss is None else float(recall_loss)
    return label_loss


def _changed(rows: GateRows, quantized: np.ndarray) -> dict[str, int]:
    """Return the number of rows of each label whose predictions differ."""
    differs = rows.predicted(rows.fp32) != rows.predicted(quantized)
    return {name: int(differs[rows.label == i].sum()) for i, name in enumerate(rows.labels.names)}


def refusals(measured: dict, rows: GateRows, limits: Quantize) -> list[str]:
    """Return a phrase for each of the `losses` that exceeds its limit; none if the model may ship.

    A limit on a share of rows is at least one row: a label with ten rows loses 0.1 with the first of them. A label may
    also lose as many rows as chance would take from it, see `label_limit`.
    """
    label, metric, max_loss = rows.label, limits.gate_metric, limits.max_loss
    if metric == "accuracy":
        max_loss = at_least_one_row(max_loss, len(label))
    upper_limits = [(f"loss of {metric}", measured["loss"], max_loss)]
    for i, name in enumerate(rows.labels.names):
        if measured["label_loss"][name] is not None:
            limit = label_limit(measured, name, int((label == i).sum()), len(label), limits)
            upper_limits.append((f"loss of recall of label {name}", measured["label_loss"][name], limit))
    phrases = _exceeded(upper_limits)
    least = least_agreement(limits.min_agreement, len(label))
    if exceeds(least, measured["agreement"]):
        phrases.append(f"agreement {measured['agreement']:.4f}, least allowed {least:.4g}")
    return phrases + _exceeded([("drift of probabilities", measured["drift"], limits.max_drift)])


def label_limit(measured: dict, name: str, rows_of_label: int, rows: int, limits: Quantize) -> float:
    """Return the largest loss of recall that a label may have: `max_label_loss`, or what chance explains.

    int8 changes the predictions of some rows at random. With many labels of few rows, one of them loses several rows by
    this alone. Suppose a label's rows changed as often as the rows of all other labels, and no more often than
    `min_agreement` allows. Then a loss counts only if the chance that any label loses that much is at most ALPHA
    (Bonferroni). measured: the `losses`. A negative `max_label_loss` demands a gain from every label.
    """
    if limits.max_label_loss < 0:
        return limits.max_label_loss
    changed = sum(count for other, count in measured["changed"].items() if other != name)
    # one more of each kind: that no row of the others has changed does not mean that none ever does
    rate = min((changed + 1) / (rows - rows_of_label + 2), 1 - limits.min_agreement)
    by_chance = binom.isf(ALPHA / len(measured["changed"]), rows_of_label, rate) / rows_of_label
    return max(at_least_one_row(limits.max_label_loss, rows_of_label), float(by_chance))


def _exceeded(upper_limits: list[tuple[str, float, float]]) -> list[str]:
    """Return a phrase for each value above its limit. upper_limits: name, value, limit."""
    return [
        f"{name} {value:.4f}, most allowed {limit:.4g}" for name, value, limit in upper_limits if exceeds(value, limit)
    ]


def at_least_one_row(limit: float, rows: int) -> float:
    """Return the limit, or one row if that is more. A negative limit demands a gain, and is kept."""
    return limit if limit < 0 else max(limit, 1 / rows)
