"""Simulate searches among settings whose true scores are known, and check what strata/intervals/best_of_many.py says.

    python -m benchmarks.search_honesty    # 20 minutes; writes benchmarks/search_honesty/results.json

Each row has a margin by which a setting is right: the setting's skill, plus the row's ease, which all settings share,
plus chance; a negative margin is an error. The ease's share of the variance is chosen so that two settings agree on as
many rows as fine-tuned models do. The probability of the true label is a logistic function of the margin. So the true
scores follow from the skill alone, without error: these are the scores on endlessly many rows.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import multivariate_normal, norm

from strata.intervals.best_of_many import BestOfMany, best_of_many, scores_and_draws
from strata.scoring import LOWER_IS_BETTER

SEARCHES = 500
SETTINGS = 20
ACCURACY, SHARE_POSITIVE = 0.85, 0.3
STEEPNESS = 2.0  # of the logistic function
UNIT_SHARE = 0.8  # of the variance of ease and chance that rows of one unit share
ERRORS = 1.96  # around the expected shrinkage, which should hold 95 of 100 realized ones


class Scenario(NamedTuple):
    rows: int
    metric: str = "accuracy"
    agreement: float = 0.9
    spread: float = 0.0  # standard deviation of true accuracies
    ahead: float = 0.0  # how much more accurate the first setting is than all others
    rows_in_unit: int = 1


SCENARIOS = {
    "equal_500": Scenario(500),
    "equal_2000": Scenario(2000),
    "equal_500_units": Scenario(500, rows_in_unit=5),
    "equal_500_alike": Scenario(500, agreement=0.99),
    "different_500": Scenario(500, spread=0.01),
    "different_2000": Scenario(2000, spread=0.01),
    "ahead_500": Scenario(500, ahead=0.03),
    "ahead_2000": Scenario(2000, ahead=0.03),
    "equal_500_loss": Scenario(500, "loss"),
    "different_2000_loss": Scenario(2000, "loss", spread=0.01),
    "equal_500_f1_macro": Scenario(500, "f1_macro"),
    "different_2000_f1_macro": Scenario(2000, "f1_macro", spread=0.01),
}


@cache
def share_of_ease(agreement: float) -> float:
    """Return the correlation of two settings' margins at which their signs agree on this share of rows."""
    skill = norm.ppf(ACCURACY)

    def excess(correlation: float) -> float:
        both_right = multivariate_normal.cdf([skill, skill], cov=[[1, correlation], [correlation, 1]])
        return 1 - 2 * (ACCURACY - both_right) - agreement

    return brentq(excess, 0.0, 0.9999)


def skills(scenario: Scenario, random: np.random.Generator) -> np.ndarray:
    """Return the mean margin of each setting, which the others of its scores follow from: (settings,)."""
    accuracy = ACCURACY + scenario.spread * random.normal(size=SETTINGS)
    accuracy[0] += scenario.ahead
    return norm.ppf(accuracy)


def true_scores(skill: np.ndarray, metric: str) -> np.ndarray:
    """Return each setting's score on endlessly many rows: (settings,)."""
    right = norm.cdf(skill)
    if metric == "accuracy":
        return right
    if metric == "loss":
        points, weights = np.polynomial.hermite_e.hermegauss(80)
        return np.logaddexp(0, -STEEPNESS * (skill[:, None] + points)) @ weights / weights.sum()
    shares = np.array([SHARE_POSITIVE, 1 - SHARE_POSITIVE])[:, None]
    return (2 * shares * right / (2 * shares * right + 1 - right)).mean(axis=0)


def validation(scenario: Scenario, skill: np.ndarray, random: np.random.Generator) -> tuple:
    """Return labels, (rows,); probabilities, (settings, rows, labels); and the unit of each row."""
    unit = np.arange(scenario.rows) // scenario.rows_in_unit

    def chance(*shape: int) -> np.ndarray:
        own = random.normal(size=(*shape, scenario.rows))
        if scenario.rows_in_unit == 1:
            return own
        return UNIT_SHARE**0.5 * random.normal(size=(*shape, unit[-1] + 1))[..., unit] + (1 - UNIT_SHARE) ** 0.5 * own

    ease = share_of_ease(scenario.agreement)
    margin = skill[:, None] + ease**0.5 * chance() + (1 - ease) ** 0.5 * chance(SETTINGS)
    labels = (random.random(scenario.rows) < SHARE_POSITIVE).astype(int)
    positive = 1 / (1 + np.exp(np.where(labels, -STEEPNESS, STEEPNESS) * margin))
    return labels, np.stack([1 - positive, positive], axis=2), unit


def search(scenario: Scenario, seed: int) -> dict[str, float]:
    """Return what one search says beside what is true of it. seed: another one for each search of each scenario."""
    random = np.random.default_rng(seed)
    skill = skills(scenario, random)
    labels, probabilities, unit = validation(scenario, skill, random)
    scores, draws = scores_and_draws(labels, probabilities, 1, unit, seed, scenario.metric)
    sign = -1 if scenario.metric in LOWER_IS_BETTER else 1
    scores, draws, true = sign * scores, sign * draws, sign * true_scores(skill, scenario.metric)
    told: BestOfMany = best_of_many(scores, draws, len(np.unique(unit)))
    realized = scores[told.best] - true[told.best]
    winners = draws.argmax(axis=0)
    predicted = probabilities.argmax(axis=2)
    return {
        "agreement": (predicted[0] == predicted[1]).mean(),
        "best_in_set": told.not_told_apart[skill.argmax()],  # of equal ones, the first
        "settings_in_set": told.not_told_apart.sum(),
        "alone_in_set": told.not_told_apart.sum() == 1,
        "best_scores_highest": told.best == skill.argmax(),
        "realized_shrinkage": realized,
        "luck_of_all": (scores - true).mean(),  # a part of the realized one, 0 in the mean of endlessly many searches
        "expected_shrinkage": told.shrinkage,
        "shrinkage_error": told.shrinkage_error,
        "within_errors": abs(realized - told.shrinkage) <= ERRORS * told.shrinkage_error,
        "plain_bootstrap": (draws.max(axis=0) - scores[winners]).mean(),  # what the naive method would expect
    }


def main() -> None:
    results = {"searches": SEARCHES, "settings": SETTINGS, "accuracy": ACCURACY, "scenarios": {}}
    for number, (name, scenario) in enumerate(SCENARIOS.items()):
        searches = [search(scenario, SEARCHES * number + i) for i in range(SEARCHES)]
        means = {key: round(float(np.mean([one[key] for one in searches])), 5) for key in searches[0]}
        off = [one["realized_shrinkage"] - one["expected_shrinkage"] for one in searches]
        means["realized_error"] = round(float(np.std(off)), 5)
        results["scenarios"][name] = scenario._asdict() | means
        print(name, json.dumps(means), flush=True)
    text = json.dumps(results, indent=2)
    (Path(__file__).parent / "results.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
