"""The kinds of models that may ship, model.kind: the transformer, TF-IDF, or a stack of both; what each would give.

Each gets a calibration and a threshold of its own, on validation rows. Which kind they favour is told, and a person
decides: nothing is chosen on test rows. A stack's validation rows are scored out of fold.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax

from stages.evaluate import stack
from stages.evaluate.inputs import Inputs
from stages.evaluate.predictions import Kind, fit_on_validation
from strata.base.errors import StrataError
from strata.decision import decide
from strata.intervals.bootstrap import scores_with_intervals
from strata.intervals.significance import paired_comparison
from strata.model_kinds import STACK, TFIDF, TRANSFORMER
from strata.prior import PriorShift
from strata.scoring import HEADLINES

SPLITS = ("validation", "test")  # on which kinds are compared


def transformer(logits: dict[str, np.ndarray], prior: PriorShift) -> Kind:
    """logits: of the fine-tuned model by split, (rows, labels)."""
    return Kind(TRANSFORMER, logits, logits["validation"], prior.training, prior.training_rows)


def tfidf(log_probabilities: dict[str, np.ndarray], prior: PriorShift) -> Kind:
    """log_probabilities: of baseline's TF-IDF by split, (rows, labels). It knows no train.class_weights."""
    of_rows = prior.training_rows - prior.training + prior.resampling
    return Kind(TFIDF, log_probabilities, log_probabilities["validation"], prior.resampling, of_rows)


def natural(kind: Kind, split: str) -> np.ndarray:
    """Return a kind's log probabilities of a split's rows, with the natural prior: (rows, labels)."""
    shift = kind.train_shift if split == "train" else kind.shift
    return log_softmax(kind.logits[split] + shift, axis=1)


def stacked(first: Kind, second: Kind, inputs: Inputs, seed: int) -> tuple[Kind, stack.Weights]:
    """Return the stack of the transformer and TF-IDF, and its weights, which are fitted to the validation rows."""
    rows = inputs.tokens["validation"]
    of_validation = natural(first, "validation"), natural(second, "validation")
    weights = stack.fit(*of_validation, rows.label)
    held_out = stack.out_of_fold(*of_validation, rows.label, inputs.unit.loc[rows.id].to_numpy(), seed)
    common = [split for split in first.logits if split in second.logits]
    logits = {split: weights.logits(natural(first, split), natural(second, split)) for split in common}
    nothing = np.zeros(held_out.shape[1])
    return Kind(STACK, logits, held_out, nothing, nothing), weights


class Line(NamedTuple):
    """What a kind gives. test: HEADLINES on test rows, with `interval`. words: the verdict on test rows, this kind
    against the one that ships, empty for that one. validation: accuracy there; gain: of this kind there, as
    `paired_comparison` compares it with the one that ships, None for that one.
    """

    kind: str
    test: dict
    words: str
    validation: float
    gain: dict | None

    @property
    def sentence(self) -> str:
        """The kind's accuracy on test rows with its interval, and the verdict."""
        ends = self.test["interval"]["accuracy"]
        bounds = f" ({ends['low']:.3f} to {ends['high']:.3f})" if ends else ""
        verdict = f"compared with what ships, {self.words}" if self.words else "ships"
        return f"model.kind {self.kind} {verdict}; accuracy {self.test['accuracy']:.3f}{bounds}"


def compared(kinds: list[Kind], ships: str, inputs: Inputs, goal: str | None, seed: int) -> list[Line]:
    """Return a line a kind. ships: the name of the one that ships. goal: evaluate.goal.

    A kind that cannot reach the goal is left out, unless it ships.
    """
    scored = {}
    for kind in kinds:
        try:
            scored[kind.name] = _scored(kind, inputs, goal)
        except StrataError:
            if kind.name == ships:
                raise
    labels = inputs.labels
    unit = {name: inputs.unit.loc[inputs.tokens[name].id].to_numpy() for name in SPLITS}

    def against(name: str, split: str) -> dict:
        (ours, predicted), (theirs, their_predicted) = scored[name][split], scored[ships][split]
        compared_rows = inputs.tokens[split].label, ours, theirs, labels.positive_id, unit[split], seed
        return paired_comparison(*compared_rows, predicted, their_predicted)

    lines = []
    for name, splits in scored.items():
        probabilities, predicted = splits["test"]
        rows = inputs.tokens["test"].label, probabilities, labels.positive_id, unit["test"], seed
        test = scores_with_intervals(*rows, predicted)
        right = splits["validation"][1] == inputs.tokens["validation"].label
        words, gain = ("", None) if name == ships else (against(name, "test")["words"], against(name, "validation"))
        lines.append(Line(name, test, words, float(right.mean()), gain))
    return lines


def _scored(kind: Kind, inputs: Inputs, goal: str | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return a kind's probabilities and predictions by split. Raises: StrataError when nothing reaches the goal."""
    labels = inputs.labels
    fit = fit_on_validation(kind.held_out, inputs.tokens["validation"].label, kind.shift, goal, labels)
    logits = {"validation": kind.held_out, "test": kind.logits["test"]}
    scored = {split: fit.calibration.probabilities(logits[split]) for split in SPLITS}
    return {split: (values, decide(values, labels.positive_id, fit.threshold)) for split, values in scored.items()}


def advice(lines: list[Line], ships: str) -> str | None:
    """Return which kind the validation rows favour; None where there is only one."""
    others = [line for line in lines if line.kind != ships]
    if not others:
        return None
    better = [line for line in others if line.gain["different"] and line.gain["accuracy"]["difference"] > 0]
    if not better:
        return f"validation rows favour no other model.kind than {ships}"
    best = max(better, key=lambda line: line.gain["accuracy"]["difference"])
    return f"validation rows favour model.kind {best.kind}: {best.gain['words']} than {ships}"


def told(lines: list[Line]) -> list[dict]:
    """Return what notes.json holds of each kind."""
    return [
        {
            "kind": line.kind,
            **{name: line.test[name] for name in HEADLINES},
            "interval": line.test["interval"]["accuracy"],
            "words": line.words,
            "validation": line.validation,
        }
        for line in lines
    ]
