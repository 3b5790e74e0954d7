"""What a search among many settings can say honestly, when all were scored on the same rows.

Two questions. Which settings can these rows not tell from the best? And how much of the best score is luck, since it
was chosen for being the best?

The set of settings that are not told apart from the best is that of multiple comparisons with the best: Hsu,
"Constrained simultaneous confidence intervals for multiple comparisons with the best", Annals of Statistics 12, 1984.
Its critical values come from the bootstrap, which knows how strongly the settings' errors are correlated, as in the
model confidence set of Hansen, Lunde and Nason, Econometrica 79, 2011; but each setting has one test against all the
others, and nothing is eliminated step by step.

The luck of the best is the winner's curse, or the optimizer's: Smith and Winkler, Management Science 52, 2006. The
plain bootstrap understates it: observed scores are spread more widely than the true ones, and it takes this luck for
merit. So the spread of the true scores is estimated by moments first, as in empirical Bayes (Efron and Morris, Journal
of the American Statistical Association 70, 1975), and searches among such true scores are simulated.
"""

from collections.abc import Iterable
from itertools import repeat
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

from strata.intervals.bootstrap import DRAWS, draw
from strata.intervals.weighted import batches_of_draws, log_losses, weighted_scores
from strata.scoring import checked_predictions, squared_errors

# of the draws: so the truly best setting is in the set in at least 95% of searches. At 0.95 it was in 94.0% to 94.6% of
# those among equal settings, since a bootstrap's draws vary a little less than the truth
LEVEL = 0.97
ROUNDING = 1e-9  # differences between scores that mean nothing
SEARCHES, DRAWS_A_SEARCH = 250, 200  # simulated, to see how far off the shrinkage itself is


class BestOfMany(NamedTuple):
    """What the rows say about the settings of a search. A higher score is better."""

    best: int
    """The setting with the highest score; the first of several."""
    not_told_apart: np.ndarray
    """(settings,) bool: the settings that these rows cannot tell from the truly best one, `best` among them.

    In at least 95% of searches the truly best setting is one of them.
    """
    shrinkage: float
    """How far the best score is expected to lie above the true score of the setting that has it, never below 0.

    The true score is the one on endlessly many new rows. NaN where the draws say nothing.
    """
    shrinkage_error: float
    """The standard deviation, over searches like this one, of the real fall less `shrinkage`.

    Nominally, the best score less the true score of its setting lies within 1.96 of it around `shrinkage` in 95 of 100
    searches; benchmarks/search_honesty counts how often it does. It holds what `shrinkage` itself is off by, and the
    luck that all settings share, such as easier rows: this has mean 0, and adds nothing to `shrinkage`. It does not
    hold the luck of the new rows, if these are few.
    """
    true_spread: float
    """The standard deviation of the settings' true scores, by moments; 0 where chance explains all differences."""


def best_of_many(scores: np.ndarray, draws: np.ndarray, units: int) -> BestOfMany:
    """Return what the rows can say about the settings.

    scores: (settings,), of all rows; a higher one is better. draws: (settings, draws), the scores in bootstrap draws of
    the rows, the same draws for all settings. units: number of independent units that were drawn.
    A setting whose score is not finite is left out: it is neither best nor in the set. A draw in which another score is
    not finite is left out for all settings. If this leaves half of the draws or fewer, or if there is a single unit,
    the rows say nothing: every other setting is in the set, and the shrinkage is NaN.
    Raises: ValueError if no score is finite.
    """
    defined = np.flatnonzero(np.isfinite(scores))
    if not len(defined):
        raise ValueError("at least one setting needs a score")
    in_set = np.zeros(len(scores), dtype=bool)
    values, drawn = scores[defined], draws[defined]
    whole = np.isfinite(drawn).all(axis=0)
    best = int(defined[values.argmax()])
    if units < 2 or 2 * whole.sum() <= draws.shape[1]:
        in_set[defined] = True
        return BestOfMany(best, in_set, np.nan, np.nan, np.nan)
    drawn = drawn[:, whole]
    # the variance between as many units as there are is too small by one of them
    noise = (drawn - drawn.mean(axis=1, keepdims=True)) * np.sqrt(units / (units - 1))
    in_set[defined] = [_may_be_best(i, values, noise, units) for i in range(len(values))]
    variance = noise.var(axis=0, ddof=1).mean() if len(values) > 1 else 0.0
    true = _true_deviations(values, variance)
    shrinkage, error = _shrinkage(true, noise, variance)
    return BestOfMany(best, in_set, shrinkage, error, float(true.std(ddof=1)) if len(true) > 1 else 0.0)


def _may_be_best(setting: int, scores: np.ndarray, noise: np.ndarray, units: int) -> bool:
    """Return whether no other setting is better than this one by more than chance explains.

    scores: (settings,). noise: (settings, draws), the deviations of draws. The largest of the others' leads, each in
    standard errors, is compared with the same maximum in draws. A lead's own square over the number of units is part of
    its squared standard error: if every unit favours the other setting by the same amount, draws do not vary, and yet
    two units could do so by chance. For the same reason the critical value is at least Student's for one comparison.
    """
    lead = scores - scores[setting]
    drawn = noise - noise[setting]
    error = np.sqrt((drawn**2).mean(axis=1) + lead**2 / units + ROUNDING**2)
    by_chance = np.quantile((drawn / error[:, None]).max(axis=0), LEVEL, method="higher")
    few_units = t.ppf(LEVEL, units - 1) / norm.ppf(LEVEL)
    return bool((lead / error).max() <= few_units * max(by_chance, norm.ppf(LEVEL)))


def _true_deviations(scores: np.ndarray, variance: float) -> np.ndarray:
    """Return how far each setting's true score may lie from their mean: (settings,).

    They are the observed deviations, made as small as the spread of the true scores is. So their shape is kept, such as
    one setting that stands out, which shrinking each by a normal prior would take for luck.
    scores: (settings,). variance: of the noise between settings; what they have in common is no part of it.
    """
    deviations = scores - scores.mean()
    observed = scores.var(ddof=1) if len(scores) > 1 else 0.0
    return deviations * (np.sqrt(max(0.0, 1 - variance / observed)) if observed > ROUNDING**2 else 0.0)


def _falls(true: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the luck of the setting that comes out best in each simulated search: (draws,).

    true: (settings,). noise: (settings, draws).
    """
    return noise[(true[:, None] + noise).argmax(axis=0), np.arange(noise.shape[1])]


def _shrinkage(true: np.ndarray, noise: np.ndarray, variance: float) -> tuple[float, float]:
    """Return the expected fall of the best, and the standard deviation of the real fall less the expected one.

    The spread of the true scores is only estimated, from a few settings. So the estimate is repeated in simulated
    searches, whose true spread is known: how far it is off there on average is corrected, and how far it is off from
    one to the next is part of the error (Efron and Tibshirani, 1993, chapter 10). Arguments: as in `_true_deviations`
    and `_falls`.
    """
    few = noise[:, -DRAWS_A_SEARCH:] - noise[:, -DRAWS_A_SEARCH:].mean(axis=1, keepdims=True)
    searches = noise[:, :SEARCHES]
    estimates = np.array(
        [_falls(_true_deviations(scores, variance), few).mean() for scores in (true[:, None] + searches).T]
    )
    bias = estimates.mean() - _falls(true, few).mean()
    return max(0.0, float(_falls(true, noise).mean() - bias)), float((_falls(true, searches) - estimates).std())


def scores_and_draws(
    labels: np.ndarray,
    probabilities: Iterable[np.ndarray],
    positive: int | None,
    unit: np.ndarray,
    seed: int,
    metric: str,
    predicted: Iterable[np.ndarray] | None = None,
    draws: int = DRAWS,
) -> tuple[np.ndarray, np.ndarray]:
    """Return one metric of each setting, (settings,), and its values in the same draws for all, (settings, draws).

    They are as the metric is: where lower is better, `best_of_many` needs both with the sign changed.
    probabilities: of each setting in turn, (rows, labels), such as a generator that reads one file at a time.
    metric: one of scoring.NAMES, or `loss`, which is the log loss. predicted: of each setting, (rows,) int, as in
    `scores`. labels, positive: as in `scores`. unit, seed: as in `bootstrap.draw`.
    Raises: ValueError as `scores`.
    """
    metric = "log_loss" if metric == "loss" else metric
    # the first draw is the rows themselves
    weights = np.concatenate([np.ones((1, len(labels)), dtype=np.uint8), draw(unit, draws, seed)])
    outputs = zip(probabilities, repeat(None) if predicted is None else predicted, strict=predicted is not None)
    if metric in _MEANS:
        rows = [_MEANS[metric](labels, p, positive, checked_predictions(labels, p, given)) for p, given in outputs]
        rows = np.stack(rows, axis=1).astype(np.float64)
        values = np.concatenate([part @ rows / part.sum(axis=1, keepdims=True) for part in batches_of_draws(weights)])
        values = values.T
    else:
        values = np.stack([weighted_scores(labels, p, positive, weights, g, [metric])[metric] for p, g in outputs])
    return values[:, 0], values[:, 1:]


# Metrics that are means of rows: one matrix product gives those of all settings. From labels, probabilities, positive
# id and predictions to (rows,)
_MEANS = {
    "accuracy": lambda labels, _, __, predicted: predicted == labels,
    "brier": lambda labels, probabilities, positive, _: squared_errors(labels, probabilities, positive),
    "log_loss": lambda labels, probabilities, _, __: log_losses(labels, probabilities),
}
