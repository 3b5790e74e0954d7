"""Whether a quantized model is close enough to the fp32 one to ship: every limit, on the same rows."""

from dataclasses import dataclass

import numpy as np

from stages.shared.command import StageError
from stages.shared.decision import decide
from stages.shared.params import Quantize
from stages.shared.scores import LOWER_IS_BETTER, scores


@dataclass(frozen=True)
class Rows:
    """Rows that both models score, and what each said.

    label: (rows,) int. fp32, quantized: probabilities, (rows, labels). positive, threshold: as in `decide`.
    """

    label: np.ndarray
    fp32: np.ndarray
    quantized: np.ndarray
    positive: int | None
    threshold: float | None

    def predicted(self, probabilities: np.ndarray) -> np.ndarray:
        return decide(probabilities, self.positive, self.threshold)


def compare(rows: Rows, names: list[str], metric: str) -> dict:
    """Tell how far the quantized model is from the fp32 one. names: of the labels, in id order.

    Returns: `loss` of the metric, above 0 where quantized is worse; `label_loss`, by which the share of each label's
    rows that get it falls, None for one without rows; `agreement`, share of the rows that get the same label from
    both; `drift`, the mean total variation distance of the probabilities, 0 to 1.
    Raises: StageError when the metric is undefined on these rows.
    """
    predicted = [rows.predicted(probabilities) for probabilities in (rows.fp32, rows.quantized)]
    one, other = (
        scores(rows.label, probabilities, rows.positive, made)[metric]
        for probabilities, made in zip((rows.fp32, rows.quantized), predicted, strict=True)
    )
    if one is None or other is None:
        raise StageError(f"quantize.gate_metric {metric} is undefined on the validation rows; choose another")
    label_loss = {}
    for i, name in enumerate(names):
        own = rows.label == i
        recall = [(made[own] == i).mean() if own.any() else None for made in predicted]
        label_loss[name] = float(recall[0] - recall[1]) if own.any() else None
    return {
        "loss": float((one - other) * (-1 if metric in LOWER_IS_BETTER else 1)),
        "label_loss": label_loss,
        "agreement": float((predicted[0] == predicted[1]).mean()),
        "drift": float(np.abs(rows.fp32 - rows.quantized).sum(axis=1).mean() / 2),
    }


def refusals(found: dict, label: np.ndarray, names: list[str], limits: Quantize) -> list[str]:
    """Return what of `compare` is beyond its limit, a phrase each; none where the model may ship.

    label: (rows,) int. No limit is tighter than what one row makes: a label of ten rows loses 0.1 with the first.
    """
    rows = len(label)
    said = []

    def refuse(what: str, value: float, limit: float, below: bool = False) -> None:
        # 0.85 - 0.84 is a little above 0.01
        if (round(limit - value, 9) > 0) if below else (round(value - limit, 9) > 0):
            said.append(f"{what} {value:.4f}, {'least' if below else 'most'} allowed {limit:.4g}")

    refuse(f"loss of {limits.gate_metric}", found["loss"], _at_least_a_row(limits.max_loss, rows))
    for i, name in enumerate(names):
        lost = found["label_loss"][name]
        if lost is not None:
            limit = _at_least_a_row(limits.max_label_loss, int((label == i).sum()))
            refuse(f"loss of recall of label {name}", lost, limit)
    refuse("agreement", found["agreement"], min(limits.min_agreement, 1 - 1 / rows), below=True)
    refuse("drift of probabilities", found["drift"], limits.max_drift)
    return said


def _at_least_a_row(limit: float, rows: int) -> float:
    """A negative limit demands a gain, and is kept."""
    return limit if limit < 0 else max(limit, 1 / rows)
