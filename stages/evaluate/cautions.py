"""What must be said before any score: signs that the model has learned nothing, or that its figures mislead.

A caution is a sentence about this run, with its figures. None is an error: the model may still be what the user wants.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.evaluate.measure import Measures
from stages.evaluate.scored_rows import ScoredRows
from strata import goal
from strata.intervals.wilson import wilson_interval
from strata.labels import Labels

FELL = 0.02  # least fall of the validation loss below its earlier minimum, relative, that says "train longer"
ROUNDING = 0.0005  # a rise of the calibration error that no table shows


class Facts(NamedTuple):
    """What the cautions are about. training: plots/train/validation.csv, the scores of each evaluation."""

    measures: Measures
    test: ScoredRows
    validation: ScoredRows
    labels: Labels
    goal: str | None
    training: pd.DataFrame


def cautions(facts: Facts) -> list[str]:
    """Return every caution, the gravest first."""
    found = (
        one_label(facts),
        no_better(facts),
        worse_than_tfidf(facts),
        missed_goal(facts),
        still_learning(facts),
        worse_calibration(facts),
    )
    return [sentence for sentence in found if sentence]


def one_label(facts: Facts) -> str | None:
    """A model that gives all test rows one label has learned nothing that it shows."""
    given = np.unique(facts.test.predicted)
    if len(given) > 1:
        return None
    return (
        f"the model gives every one of {len(facts.test.id):,} test rows the label {facts.labels.names[given[0]]}: its "
        "scores are those of that label alone, and it tells no text from another"
    )


def no_better(facts: Facts) -> str | None:
    """A model whose accuracy is not better than that of the most frequent label, by the verdict.

    A threshold chosen for a goal may give accuracy up for it: then only a model that ranks no better than chance is.
    """
    verdict, scores = facts.measures.verdict("majority"), facts.measures.scores["fp32", "test"]
    if len(np.unique(facts.test.predicted)) == 1 or (verdict["different"] and verdict["difference"] > 0):
        return None
    ends, area = scores["interval"]["roc_auc"], scores["roc_auc"]
    ranks = ends is not None and ends["low"] > 0.5
    if ranks and facts.goal and not goal.parse(facts.goal).may_abstain:
        return None
    but = f"; it does rank texts better than chance (ROC-AUC {area:.3f})" if ranks else ""
    return (
        f"the model's accuracy of {scores['accuracy']:.3f} is no better than always giving the most frequent label: "
        f"{verdict['words']}{but}"
    )


def worse_than_tfidf(facts: Facts) -> str | None:
    """A model whose accuracy is worse than that of TF-IDF, by the verdict."""
    verdicts = facts.measures.verdicts
    if "tfidf" not in set(verdicts["model"]):
        return None
    verdict = facts.measures.verdict("tfidf")
    if not verdict["different"] or verdict["difference"] > 0:
        return None
    return (
        f"TF-IDF beats the model, which is {verdict['words']}: train longer, or on more rows; whether to ship another "
        "model.kind is for validation rows to say"
    )


def missed_goal(facts: Facts) -> str | None:
    """A bound such as precision >= 0.9 that was reached on validation rows, and not on test rows.

    A bounded error is not evaluate's, but quantize's.
    """
    if not facts.goal:
        return None
    name, bound, *_ = goal.parse(facts.goal)
    if bound is None or goal.parse(facts.goal).may_abstain:
        return None
    positive = facts.labels.positive_id
    scores = {split: facts.measures.scores["fp32", split][name] for split in ("validation", "test")}
    if scores["test"] >= bound:
        return None
    by = 100 * (bound - scores["test"])
    if positive is None:
        ends = facts.measures.scores["fp32", "test"]["interval"][name]
        interval = f" ({ends['low']:.3f} to {ends['high']:.3f})" if ends else ""
        return (
            f"evaluate.goal {facts.goal}, a mean over the labels, is missed on test rows by {by:.1f} points: "
            f"{scores['test']:.3f}{interval}; on validation rows it was {scores['validation']:.3f}"
        )

    def counted(rows: ScoredRows) -> np.ndarray:
        """Return which rows the score is a share of: those given the label, or those that have it."""
        return (rows.predicted if name == "precision" else rows.label) == positive

    chosen_on, of_test = (counted(rows) for rows in (facts.validation, facts.test))
    low, high = wilson_interval(scores["test"], len(np.unique(facts.test.unit[of_test]))) if of_test.any() else (0, 1)
    chance = ", which chance can explain" if high >= bound else ""
    return (
        f"evaluate.goal {facts.goal} is missed on test rows by {by:.1f} points: {name} "
        f"{scores['test']:.3f} ({low:.3f} to {high:.3f}){chance}; on validation rows it was "
        f"{scores['validation']:.3f}, of {int(chosen_on.sum()):,} rows"
    )


def still_learning(facts: Facts) -> str | None:
    """Training that ended while the validation loss still fell."""
    loss = facts.training["loss"].to_numpy()
    if len(loss) < 2 or loss[-1] > loss[:-1].min() * (1 - FELL):
        return None
    return (
        f"training ended while the loss on validation rows still fell, from {loss[:-1].min():.3f} to {loss[-1]:.3f} "
        "at the last step: train longer, with more train.epochs or a higher train.lr"
    )


def worse_calibration(facts: Facts) -> str | None:
    """A temperature, fitted on validation rows, that made the calibration error of test rows larger."""
    before, after = (facts.measures.scores[model, "test"] for model in ("uncalibrated", "fp32"))
    if after["ece"] <= before["ece"] + ROUNDING:
        return None
    losses = [scores["log_loss"] for scores in (before, after)]
    both = "and the log loss rose" if losses[1] > losses[0] else "though the log loss fell"
    return (
        f"calibration on {len(facts.validation.id):,} validation rows made the calibration error on test rows larger, "
        f"{before['ece']:.3f} to {after['ece']:.3f}, {both} from {losses[0]:.3f} to {losses[1]:.3f}"
    )
