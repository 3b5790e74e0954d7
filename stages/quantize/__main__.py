"""Export the fine-tuned model to ONNX, make it small, and refuse what loses too much.

    python -m stages.quantize --params params.yaml --recipes recipes --model models/train --tokens data/tokenize \
        --evaluate data/evaluate --split data/split --labels data/standardize/labels.json --out models/quantize \
        --metrics metrics/quantize.json --plots plots/quantize

The candidates are tried in order on validation rows. The first within all limits is chosen, and scored once on test
rows. If none is, the stage fails, and leaves a folder with the fp32 model only; candidates.csv among the plots says
what was tried and why it was refused. Both models have the calibration folded into their last layer, so that a plain
softmax is calibrated. config.json has the threshold and the positive label, preparation.json how the recipe makes a
text, quantization.json the reference values of `strata check`, manifest.json the SHA-256 of every file.

What ships is what evaluate scored: of a stack, the transformer is made small, and the logits of TF-IDF are added in
the same file; TF-IDF alone is exported as it is, and has to give the probabilities that evaluate measured.

Where evaluate.goal bounds an error, the probability from which the chosen model gives a label is chosen on validation
rows, too, and written to config.json; the stage fails when none reaches the goal.
"""

import argparse
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pandas as pd

from stages.quantize.abstention import METRICS, answered_scores, chosen_threshold
from stages.quantize.gate import GateRows, losses, refusals
from stages.quantize.ships import Ships, read_ships, token_ids
from strata import cpu, curves, goal, score_table
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.calibration import Calibration, read_calibration, read_goal
from strata.decision import Threshold
from strata.intervals.bootstrap import scores_with_intervals
from strata.labels import Labels, read_labels
from strata.model.batches import padded
from strata.model.documents import windows_of
from strata.model.tokens import read_tokens
from strata.model_kinds import STACK, TFIDF, TRANSFORMER
from strata.opset import least_onnx_runtime
from strata.runtime import manifest
from strata.runtime.cascade import FILE as CASCADE
from strata.runtime.onnx_classifier import NotFiniteError, OnnxClassifier
from strata.runtime.predictor import FP32, QUANTIZED
from strata.settings.params import Params, Quantize
from strata.settings.reader import read_settings
from strata.settings.recipe import Recipe
from strata.text.windows import saved_window

TOLERANCE = 0.01  # largest difference between a probability of PyTorch and of ONNX Runtime
EXACT = 1e-5  # the same for TF-IDF, of scikit-learn and of ONNX Runtime
ALONE = "onnx/transformer.onnx"  # of a stack, while it is made
SAMPLE, SAMPLE_TOKENS = 32, 4096  # most windows of validation rows on which the noise of int8 is measured, and tokens
TRIED = ["candidate", "split", "size_mb", "loss", "agreement", "drift", "refused"]
"""Columns of candidates.csv: see `losses`. loss: of quantize.gate_metric. refused: why, empty if it may ship."""


Scores = dict[tuple[str, str], dict]  # by model and split, as score_table.frame takes them


class Inputs(NamedTuple):
    """What quantize reads, but for the model."""

    labels: Labels
    calibration: Calibration
    threshold: Threshold
    goal: str | None  # evaluate.goal
    validation: GateRows
    test: GateRows
    ships: Ships

    @property
    def file(self) -> str:
        """The file that serves, in the model folder."""
        return FP32 if self.ships.kind == TFIDF else QUANTIZED

    @property
    def may_abstain(self) -> bool:
        """Whether the goal bounds an error."""
        return bool(self.goal) and goal.parse(self.goal).may_abstain


def read_inputs(args: argparse.Namespace) -> Inputs:
    """Read labels, calibration, rows and evaluate's predictions. Raises: StrataError when they do not fit together."""
    labels = read_labels(args.labels)
    calibration, threshold = read_calibration(args.evaluate / "calibration.json")
    predictions = dict(iter(tables.read(args.evaluate / "predictions.parquet").groupby("split")))
    if missing := {"validation", "test"} - set(predictions):
        raise StrataError(f"{args.evaluate}: no predictions of {min(missing)} rows; run evaluate again: dvc repro")
    ships = read_ships(args.evaluate)
    validation, test = (
        read_rows(args, name, predictions[name], labels, threshold, ships) for name in ("validation", "test")
    )
    # a ready-made test file may lack a label; the gate is on validation rows
    if missing := set(range(len(labels.names))) - set(validation.label):
        raise StrataError(
            f"{args.tokens / 'validation'}: no rows of label {labels.names[min(missing)]}, so that int8's loss on it "
            "cannot be measured"
        )
    goal_text = read_goal(args.evaluate / "calibration.json")
    return Inputs(labels, calibration, threshold, goal_text, validation, test, ships)


def read_rows(
    args: argparse.Namespace,
    split: str,
    predictions: pd.DataFrame,
    labels: Labels,
    threshold: Threshold,
    ships: Ships,
) -> GateRows:
    """Join what the model takes of a split's rows and the fp32 model's predictions by id.

    Raises: StrataError when their rows differ.
    """
    rows = read_tokens(args.tokens / split)
    if sorted(rows.id) != sorted(predictions["id"]):
        raise StrataError("predictions and tokens have different rows; run evaluate again: dvc repro")
    frame = predictions.set_index("id", drop=False).loc[rows.id]
    return GateRows(frame, ships.taken(rows, args.split / f"{split}.parquet"), labels, threshold)


def write_fp32(args: argparse.Namespace, inputs: Inputs, recipe: Recipe, out: Path) -> int:
    """Write the calibrated fp32 model and the files beside it. Returns: the id of the padding token.

    Raises: StrataError when evaluate's predictions are not those of this model.
    """
    # these imports take ten seconds, so that a wrong parameter or input is reported before them
    from stages.quantize import bundle, export
    from strata.model.padding import pad_token_id

    path, ships = out / FP32, inputs.ships
    path.parent.mkdir()
    model, calibration = export.load(args.model), ships.parts.get(TRANSFORMER, inputs.calibration)
    export.fold(model, calibration)
    export.export_checked(model, args.model, path, calibration, saved_window(args.model).max_length)
    bundle.write(model, args.model, out, inputs.threshold, inputs.labels, recipe)
    if ships.kind == STACK:
        bundle.add_tfidf(out, ships.fitted.vocabulary)
        shutil.copyfile(path, out / ALONE)
    add_tfidf(path, ships)
    check_recorded(OnnxClassifier(path, kind=ships.kind), inputs.validation, TOLERANCE)
    return pad_token_id(model.config)


def add_tfidf(path: Path, ships: Ships) -> None:
    """Add TF-IDF's logits to an ONNX file, if a stack ships."""
    from stages.quantize import tfidf

    if ships.kind == STACK:
        tfidf.add_to(path, tfidf.model(ships.fitted, ships.parts[TFIDF]))


def check_recorded(classifier: OnnxClassifier, rows: GateRows, tolerance: float) -> np.ndarray:
    """Return a model's probabilities of rows. Raises: StrataError when they are not those that evaluate recorded."""
    exported = classifier.probabilities(rows.input_ids)
    difference = np.abs(exported - rows.fp32).max()
    if difference > tolerance:
        raise StrataError(
            f"evaluate's predictions are of another model: probabilities differ by up to {difference:.3g}; run it "
            "again: dvc repro"
        )
    return exported


def write_tfidf(
    args: argparse.Namespace, inputs: Inputs, recipe: Recipe, settings: Quantize, out: Path
) -> tuple[str, dict[str, dict], np.ndarray]:
    """Write TF-IDF, calibrated, and the files beside it. Returns: what `choose` returns.

    Raises: StrataError when the file does not give the probabilities that evaluate measured.
    """
    from stages.quantize import bundle, tfidf

    path, ships = out / FP32, inputs.ships
    path.parent.mkdir()
    onnx.save(tfidf.model(ships.fitted, inputs.calibration), path)
    bundle.write_tfidf(args.tokens / "tokenizer", out, inputs.threshold, inputs.labels, recipe, ships.fitted.vocabulary)
    probabilities = check_recorded(OnnxClassifier(path, kind=TFIDF), inputs.validation, EXACT)
    measured = losses(inputs.validation, probabilities, settings.gate_metric)
    return TFIDF, {TFIDF: {"size_mb": megabytes(path), "refused": ""} | measured}, probabilities


def choose(
    fp32: Path, target: Path, inputs: Inputs, pad_id: int, settings: Quantize
) -> tuple[str | None, dict[str, dict], np.ndarray | None]:
    """Try the candidates in order. The first within all limits is left at `target`. fp32: of the transformer alone.

    Returns: its name, None if all are refused; by candidate its `losses`, its size in MB, and `refused`, the reasons;
    and the chosen one's probabilities of the validation rows, (rows, labels).
    """
    from stages.quantize import candidates

    validation = inputs.validation
    windows, _ = windows_of(token_ids(validation.input_ids[:SAMPLE]))
    longest = max(len(window) for window in windows[:SAMPLE])
    sample = padded(windows[: min(SAMPLE, max(1, SAMPLE_TOKENS // longest))], pad_id)
    tried = {}
    for name in settings.candidates:
        candidates.quantize(name, fp32, target, sample)
        add_tfidf(target, inputs.ships)
        measured, probabilities = try_candidate(OnnxClassifier(target, kind=inputs.ships.kind), validation, settings)
        tried[name] = {"size_mb": megabytes(target)} | measured
        if not tried[name]["refused"]:
            return name, tried, probabilities
        print(f"quantize: {name} refused on validation rows: {tried[name]['refused']}")
        target.unlink()
    return None, tried, None


def try_candidate(
    classifier: OnnxClassifier, validation: GateRows, settings: Quantize
) -> tuple[dict, np.ndarray | None]:
    """Return `refused`, the reasons, empty if there are none, with the `losses`; and the probabilities, if finite."""
    try:
        probabilities = classifier.probabilities(validation.input_ids)
    except NotFiniteError:
        return {"refused": "NaN or infinite logits"}, None
    measured = losses(validation, probabilities, settings.gate_metric)
    return {"refused": "; ".join(refusals(measured, validation, settings))} | measured, probabilities


def scores_of(test: GateRows, probabilities: np.ndarray, seed: int) -> dict:
    """Return the chosen model's scores on test rows, with intervals. probabilities: (rows, labels)."""
    unit, predicted = test.frame["unit"].to_numpy(), test.predicted(probabilities)
    return scores_with_intervals(test.label, probabilities, test.labels.positive_id, unit, seed, predicted)


def candidates_table(tried: dict[str, dict], chosen: str | None, on_test: dict) -> pd.DataFrame:
    """Return a line for each candidate on validation rows, and one for the chosen one on test rows.

    Columns: TRIED. tried: of `choose`. on_test: the chosen candidate's `losses` on test rows.
    """
    lines = [{"candidate": name, "split": "validation"} | measured for name, measured in tried.items()]
    if chosen:
        lines.append({"candidate": chosen, "split": "test", "size_mb": tried[chosen]["size_mb"]} | on_test)
    table = pd.DataFrame(lines).reindex(columns=TRIED)
    return table.astype(dict.fromkeys(TRIED[2:6], float))


def megabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 2)


def write_models(
    args: argparse.Namespace, inputs: Inputs, settings: Params, recipe: Recipe, out: Path
) -> tuple[dict, dict, Scores]:
    """Write the fp32 model and the first candidate within all limits, and its plots.

    Returns: the metrics; by candidate what was measured, as `choose` does; and the scores of `chosen_scores`, none
    without a chosen candidate. Raises: StrataError when no threshold reaches the goal.
    """
    section, fp32 = settings.quantize, out / FP32
    if inputs.ships.kind == TFIDF:
        chosen, tried, probabilities = write_tfidf(args, inputs, recipe, section, out)
    else:
        pad_id, alone = write_fp32(args, inputs, recipe, out), out / ALONE
        source = alone if inputs.ships.kind == STACK else fp32
        chosen, tried, probabilities = choose(source, out / QUANTIZED, inputs, pad_id, section)
        alone.unlink(missing_ok=True)
    metrics = {"candidate": chosen, "gate_metric": section.gate_metric, "cpu": cpu.flags()}
    metrics["fp32_size_mb"] = megabytes(fp32)
    if chosen is None:
        with files.replace_folder(args.plots) as plots:  # in place of an earlier model's
            files.write_curve(plots / "candidates.csv", candidates_table(tried, None, {}))
        return metrics, tried, {}
    of_chosen, scores = write_chosen(args, inputs, settings, out, tried, probabilities)
    return metrics | of_chosen, tried, scores


def write_chosen(
    args: argparse.Namespace,
    inputs: Inputs,
    settings: Params,
    out: Path,
    tried: dict[str, dict],
    validation: np.ndarray,
) -> tuple[dict, Scores]:
    """Write what is chosen for the last candidate tried, and its plots. validation: its probabilities, (rows, labels).

    Returns: its metrics, and its scores. Raises: StrataError when no threshold reaches the goal.
    """
    from stages.quantize import bundle

    chosen, section, abstain_below = list(tried)[-1], settings.quantize, None
    on_test = OnnxClassifier(out / inputs.file, kind=inputs.ships.kind).probabilities(inputs.test.input_ids)
    early_share = {}
    if section.cascade:
        validation, on_test, early_share = with_cascade(inputs, section, out, validation, on_test)
        tried[chosen] |= losses(inputs.validation, validation, section.gate_metric)
    bundle.write_quantization(out, chosen, tried[chosen], len(inputs.validation.label), section, cpu.flags())
    if inputs.may_abstain:
        abstain_below = chosen_threshold(goal.parse(inputs.goal), inputs.validation, validation, settings.seed)
        bundle.write_abstention(out, abstain_below, inputs.goal)
    scores = chosen_scores(inputs, validation, on_test, abstain_below, settings.seed)
    lost = losses(inputs.test, on_test, section.gate_metric)
    with files.replace_folder(args.plots) as plots:
        curves.write(plots, inputs.labels, inputs.test.label, on_test, "int8")
        files.write_curve(plots / "scores.csv", score_table.frame(scores))
        files.write_curve(plots / "candidates.csv", candidates_table(tried, chosen, lost))
    metrics = metrics_of(out, inputs.file, lost, scores, abstain_below)
    return metrics | early_share | of_heads(out, inputs.test, on_test), scores


def of_heads(out: Path, test: GateRows, on_test: np.ndarray) -> dict:
    """Return `head_accuracy`, the chosen model's where only the first window of each test row is read.

    So it is in runtimes that read no other windows. on_test: its probabilities by all windows, (rows, labels).
    Returns: {} where every row has one window.
    """
    several = [i for i, ids in enumerate(test.input_ids) if isinstance(ids, np.ndarray) and ids.ndim == 2]
    if not several:
        return {}
    by_heads = on_test.copy()
    by_heads[several] = OnnxClassifier(out / QUANTIZED).probabilities([test.input_ids[i][0] for i in several])
    return {"head_accuracy": float((test.predicted(by_heads) == test.label).mean())}


def with_cascade(
    inputs: Inputs, settings: Quantize, out: Path, validation: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray, dict]:
    """Add a cascade to a stack's folder, if one is within the limits; else say in a line why not.

    validation, test: the stack's probabilities, (rows, labels). Returns: what is served then, and the metrics: the
    share of test rows that TF-IDF answers alone.
    """
    from stages.quantize import bundle, cascade, tfidf

    ships = inputs.ships
    first = cascade.early(ships.fitted, ships.parts[TFIDF], inputs.validation)
    of_validation, of_test = (first.probabilities(rows.input_ids) for rows in (inputs.validation, inputs.test))
    choice = cascade.choose(of_validation, validation, inputs.validation, settings)
    if choice.least is None:
        print(
            f"quantize: no cascade: TF-IDF may not answer {choice.share:.0%} of the validation rows alone, the least "
            f"that makes it three times as fast ({choice.refused})"
        )
        return validation, test, {"answered_early": 0.0}
    onnx.save(tfidf.model(ships.fitted, first.calibration), out / CASCADE)
    bundle.write_cascade(out, choice.least)
    share = float((of_test.max(axis=1) >= choice.least).mean())
    print(f"quantize: cascade: TF-IDF alone answers {choice.share:.1%} of validation rows, {share:.1%} of test rows")
    served = (
        cascade.answered(first, stack, choice.least) for first, stack in ((of_validation, validation), (of_test, test))
    )
    return *served, {"answered_early": share}


def chosen_scores(
    inputs: Inputs, validation: np.ndarray, test: np.ndarray, abstain_below: float | None, seed: int
) -> Scores:
    """Return the chosen model's scores on test rows; where it may abstain, also what it answers of all rows.

    validation, test: its probabilities, (rows, labels). abstain_below: as in `is_sure`.
    """
    scores = {("int8", "test"): scores_of(inputs.test, test, seed)}
    if abstain_below is not None:
        answered = answered_scores(inputs.test, test, abstain_below)
        interval = scores["int8", "test"]["interval"] | answered["interval"]
        scores["int8", "test"] |= answered | {"interval": interval}
        # the threshold was chosen on these rows, so that an interval of theirs would say too little
        of_validation = answered_scores(inputs.validation, validation, abstain_below)
        scores["int8", "validation"] = of_validation | {"interval": dict.fromkeys(METRICS)}
    return scores


def metrics_of(out: Path, file: str, lost: dict, scores: Scores, abstain_below: float | None) -> dict:
    """Return the metrics of the chosen model. file: in `out`. lost: its `losses` on test rows."""
    quantized, fp32 = out / file, out / FP32
    size_ratio = round(quantized.stat().st_size / fp32.stat().st_size, 4)
    metrics = {"agreement": lost["agreement"], "size_mb": megabytes(quantized), "size_ratio": size_ratio}
    if abstain_below is None:
        return metrics
    return metrics | {"abstain_below": abstain_below} | {name: scores["int8", "test"][name] for name in METRICS}


def print_summary(metrics: dict, scores: dict, inputs: Inputs) -> None:
    """Print the chosen model's figures on test rows. scores: of these rows."""
    fp32_accuracy = (inputs.test.predicted(inputs.test.fp32) == inputs.test.label).mean()
    print(
        f"quantize: {metrics['candidate']}, test accuracy {scores['accuracy']:.3f} (fp32 {fp32_accuracy:.3f}), "
        f"agreement {metrics['agreement']:.1%}, {metrics['size_mb']:.1f} MB of {metrics['fp32_size_mb']:.1f} MB"
    )
    if "head_accuracy" in metrics:
        print(
            f"quantize: test accuracy {metrics['head_accuracy']:.3f} where only the first window of a text is read, as "
            "by transformers.js and other runtimes"
        )
    if not inputs.may_abstain:
        return
    error, parsed = scores["answered_error"], goal.parse(inputs.goal)
    wrong = "" if error is None else f", {error:.1%} of these wrong"
    print(
        f"quantize: for {inputs.goal}, a label is given from a probability of {metrics['abstain_below']:.3f}: to "
        f"{scores['answered']:.1%} of the test rows{wrong}"
    )
    if missed := goal.missed_error(parsed, error, scores["interval"]["answered_error"]):
        print(f"quantize: CAUTION: {missed}")


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(
        __doc__, argv, "--model", "--tokens", "--evaluate", "--split", "--labels", "--out", "--metrics", "--plots"
    )
    settings, recipe = read_settings(args.params, args.recipes)
    inputs = read_inputs(args)
    # raises now, and not after the export, if the metric is undefined
    losses(inputs.validation, inputs.validation.fp32, settings.quantize.gate_metric)
    with files.replace_folder(args.out) as out:
        metrics, tried, scores = write_models(args, inputs, settings, recipe, out)
        manifest.write(out, least_onnx_runtime(metrics["candidate"]))
    files.write_metrics(args.metrics, metrics)
    if metrics["candidate"] is None:
        reasons = ", ".join(f"{name} ({entry['refused']})" for name, entry in tried.items())
        raise StrataError(
            f"every candidate loses too much on validation rows: {reasons}; the fp32 model is in {args.out / FP32}; "
            "train again, name other quantize.candidates, or loosen quantize's limits"
        )
    print_summary(metrics, scores["int8", "test"], inputs)


if __name__ == "__main__":
    command_line.run(main, "quantize")
