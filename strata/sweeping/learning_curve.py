"""What more labels would bring, from a sweep that varies resample.share alone.

Errors fall with the number of training rows roughly as a power, error = a * rows**-b (Hestness et al., "Deep Learning
Scaling is Predictable, Empirically", 2017). Each doubling then multiplies the error by 2**-b.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from strata.intervals.best_of_many import scores_and_draws
from strata.intervals.bootstrap import percentile_interval
from strata.scoring import LOWER_IS_BETTER
from strata.settings.sweep import Sweep
from strata.sweeping.answer import SEED, Answer, Setting
from strata.sweeping.kept_rows import read_rows

KEY = "resample.share"
LAST = 3  # points that the law is fitted to: where few rows are, the curve is often not straight yet


class Curve(NamedTuple):
    """shares: (points,), rising. scores: (points,). draws: (points, draws), the scores in the same bootstrap draws."""

    shares: np.ndarray
    scores: np.ndarray
    draws: np.ndarray
    metric: str


def curve(answer: Answer, folder: Path, sweep: Sweep) -> Curve | None:
    """Return the scores by share; None unless two shares or more, and nothing else, were varied.

    folder: of the trials' rows.
    """
    by_share = {float(one.overrides[KEY]): one for one in answer.comparable if list(one.overrides) == [KEY]}
    if len(by_share) < 2 or any(list(one.overrides) != [KEY] for one in answer.settings):
        return None
    settings = [by_share[share] for share in sorted(by_share)]
    rows, labels = read_rows(folder, settings[0].number)
    probabilities = (_probabilities(folder, one) for one in settings)
    label, unit = rows["label"].to_numpy(), rows["unit"].to_numpy()
    scores, draws = scores_and_draws(label, probabilities, labels.positive_id, unit, SEED, sweep.metric)
    return Curve(np.array(sorted(by_share)), scores, draws, sweep.metric)


def _probabilities(folder: Path, setting: Setting) -> np.ndarray:
    return np.stack(read_rows(folder, setting.number)[0]["probabilities"])


def after_doubling(shares: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return the error with twice the rows of the last share: (draws,), NaN where an error is not above 0.

    errors: (points, draws). The slope is that of the least-squares line through log error by log share; the line goes
    through the last point, since its error is known.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = np.log(shares) - np.log(shares).mean(), np.log(errors)
        slope = (x[:, None] * y).sum(axis=0) / (x**2).sum()
        return errors[-1] * 2**slope


def gain(curve: Curve) -> tuple[float, float, float] | None:
    """Return by how much the score should rise with twice the labels, and its 95% interval over the draws of rows.

    Where a low score is better, it is how much it should fall. None where some error is 0, so that no law fits.
    """
    is_error = curve.metric in LOWER_IS_BETTER
    errors = np.column_stack([curve.scores, curve.draws])[-LAST:]
    errors = errors if is_error else 1 - errors
    gains = errors[-1] - after_doubling(curve.shares[-LAST:], errors)
    interval = percentile_interval(np.where(np.isfinite(gains[1:]), gains[1:], np.nan))
    if not np.isfinite(gains[0]) or interval is None:
        return None
    return float(gains[0]), interval["low"], interval["high"]


def printed(curve: Curve) -> str:
    """Return the lines to print: the score of each share with its interval, and what twice the labels should bring."""
    lines = []
    for share, score, draws in zip(curve.shares, curve.scores, curve.draws, strict=True):
        interval = percentile_interval(draws)
        bounds = f" ({interval['low']:.4f} to {interval['high']:.4f})" if interval else ""
        lines.append(f"sweep: {share:.0%} of the training rows: {curve.metric} {score:.4f}{bounds}")
    said = gain(curve)
    if said is None:
        return "\n".join([*lines, "sweep: what twice the labels would bring cannot be said from these scores"])
    rise, low, high = said if curve.metric not in LOWER_IS_BETTER else (-said[0], -said[2], -said[1])
    points = min(LAST, len(curve.shares))
    lines.append(
        f"sweep: twice the labels of the last share should bring {curve.metric} {rise:+.4f} ({low:+.4f} to "
        f"{high:+.4f}), if the errors go on falling as a power of the rows, as over the last {points} shares. The "
        "interval is that of the validation rows; which rows were drawn into the shares, and chance in training, add "
        "to it"
    )
    return "\n".join(lines)
