"""Export the fine-tuned model to ONNX, make it small, and refuse what loses too much.

    python -m stages.quantize --params params.yaml --recipes recipes --model models/train --tokens data/tokenize \
        --evaluate data/evaluate --labels data/standardize/labels.json --out models/quantize \
        --metrics metrics/quantize.json --plots plots/quantize

The candidates are tried in order on validation rows. The first within all limits is chosen, and scored once on test
rows. If none is, the stage fails, and leaves a folder with the fp32 model only; the metrics say what was tried and why
it was refused. Both models have the calibration folded into their last layer, so that a plain softmax is calibrated.
config.json has the threshold and the positive label, quantization.json the reference values of `strata check`,
manifest.json the SHA-256 of every file.
"""

import argparse
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.quantize.gate import GateRows, losses, refusals
from strata import cpu, curves
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.calibration import Calibration, read_calibration
from strata.intervals.bootstrap import scores_with_intervals
from strata.labels import Labels, read_labels
from strata.model.batches import padded
from strata.model.tokens import read_tokens
from strata.opset import LEAST_ONNX_RUNTIME
from strata.runtime import manifest
from strata.runtime.onnx_classifier import NotFiniteError, OnnxClassifier
from strata.runtime.predictor import FP32, QUANTIZED
from strata.settings.params import Params, Quantize
from strata.settings.reader import read_settings

TOLERANCE = 0.01  # largest difference between a probability of PyTorch and of ONNX Runtime
SAMPLE = 32  # validation rows on which the noise of int8 is measured


class Inputs(NamedTuple):
    """What quantize reads, but for the model."""

    labels: Labels
    calibration: Calibration
    threshold: float | None
    validation: GateRows
    test: GateRows


def read_inputs(args: argparse.Namespace) -> Inputs:
    """Read labels, calibration, rows and evaluate's predictions. Raises: StrataError when they do not fit together."""
    labels = read_labels(args.labels)
    calibration, threshold = read_calibration(args.evaluate / "calibration.json")
    predictions = dict(iter(tables.read(args.evaluate / "predictions.parquet").groupby("split")))
    if missing := {"validation", "test"} - set(predictions):
        raise StrataError(f"{args.evaluate}: no predictions of {min(missing)} rows; run evaluate again: dvc repro")
    validation, test = (
        read_rows(args.tokens / name, predictions[name], labels, threshold) for name in ("validation", "test")
    )
    return Inputs(labels, calibration, threshold, validation, test)


def read_rows(tokens: Path, predictions: pd.DataFrame, labels: Labels, threshold: float | None) -> GateRows:
    """Join a tokenized split and the fp32 model's predictions by id.

    Raises: StrataError when their rows differ, or a label has no rows.
    """
    rows = read_tokens(tokens)
    if sorted(rows.id) != sorted(predictions["id"]):
        raise StrataError("predictions and tokens have different rows; run evaluate again: dvc repro")
    frame = predictions.set_index("id", drop=False).loc[rows.id]
    if missing := set(range(len(labels.names))) - set(frame["label"]):
        raise StrataError(
            f"{tokens}: no rows of label {labels.names[min(missing)]}, so that int8's loss on it cannot be measured"
        )
    return GateRows(frame, rows.input_ids, labels, threshold)


def write_fp32(args: argparse.Namespace, inputs: Inputs, max_length: int, out: Path) -> int:
    """Write the calibrated fp32 model and the files beside it. Returns: the id of the padding token.

    Raises: StrataError when evaluate's predictions are not those of this model.
    """
    # these imports take ten seconds, so that a wrong parameter or input is reported before them
    from stages.quantize import bundle, export
    from strata.model.padding import pad_token_id

    path = out / FP32
    path.parent.mkdir()
    model = export.load(args.model)
    export.fold(model, inputs.calibration)
    export.export_checked(model, args.model, path, inputs.calibration, max_length)
    bundle.write(model, args.model, out, max_length, inputs.threshold, inputs.labels.positive)
    exported = OnnxClassifier(path).probabilities(inputs.validation.input_ids)
    difference = np.abs(exported - inputs.validation.fp32).max()
    if difference > TOLERANCE:
        raise StrataError(
            f"evaluate's predictions are of another model: probabilities differ by up to {difference:.3f}; run it "
            "again: dvc repro"
        )
    return pad_token_id(model.config)


def choose(
    fp32: Path, target: Path, validation: GateRows, pad_id: int, settings: Quantize
) -> tuple[str | None, dict[str, dict]]:
    """Try the candidates in order. The first within all limits is left at `target`.

    Returns: its name, None if all are refused; and by candidate its `losses`, its size in MB, and `refused`, the
    reasons.
    """
    from stages.quantize import candidates

    sample = padded(validation.input_ids[:SAMPLE], pad_id)
    tried = {}
    for name in settings.candidates:
        candidates.quantize(name, fp32, target, sample)
        tried[name] = {"size_mb": megabytes(target)} | try_candidate(target, validation, settings)
        if not tried[name]["refused"]:
            return name, tried
        print(f"quantize: {name} refused on validation rows: {tried[name]['refused']}")
        target.unlink()
    return None, tried


def try_candidate(path: Path, validation: GateRows, settings: Quantize) -> dict:
    """Return `refused`, the reasons, empty if there are none, and the `losses`."""
    try:
        probabilities = OnnxClassifier(path).probabilities(validation.input_ids)
    except NotFiniteError:
        return {"refused": "NaN or infinite logits"}
    measured = losses(validation, probabilities, settings.gate_metric)
    return {"refused": "; ".join(refusals(measured, validation, settings))} | measured


def metrics_on_test_rows(test: GateRows, probabilities: np.ndarray, seed: int, metric: str) -> dict:
    """Return the chosen model's scores on test rows, and its losses. probabilities: (rows, labels)."""
    measured = losses(test, probabilities, metric)
    loss = {"accuracy_loss": losses(test, probabilities, "accuracy")["loss"], f"{metric}_loss": measured.pop("loss")}
    unit, predicted = test.frame["unit"].to_numpy(), test.predicted(probabilities)
    scores = scores_with_intervals(test.label, probabilities, test.labels.positive_id, unit, seed, predicted)
    return scores | loss | measured


def megabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 2)


def write_models(args: argparse.Namespace, inputs: Inputs, settings: Params, out: Path) -> dict:
    """Write the fp32 model and the first candidate within all limits, and its plots. Returns: the metrics."""
    section = settings.quantize
    fp32, quantized = out / FP32, out / QUANTIZED
    pad_id = write_fp32(args, inputs, settings.tokenize.max_length, out)
    chosen, tried = choose(fp32, quantized, inputs.validation, pad_id, section)
    metrics = {"candidate": chosen, "gate_metric": section.gate_metric, "tried": tried, "cpu": cpu.flags()}
    metrics["fp32_size_mb"] = megabytes(fp32)
    if chosen is None:
        return metrics
    from stages.quantize import bundle

    bundle.write_quantization(out, chosen, tried[chosen], len(inputs.validation.label), section, metrics["cpu"])
    probabilities = OnnxClassifier(quantized).probabilities(inputs.test.input_ids)
    with files.replace_folder(args.plots) as plots:
        curves.write(plots, inputs.labels, inputs.test.label, probabilities)
    size_ratio = round(quantized.stat().st_size / fp32.stat().st_size, 4)
    size = {"size_mb": megabytes(quantized), "size_ratio": size_ratio}
    return metrics_on_test_rows(inputs.test, probabilities, settings.seed, section.gate_metric) | metrics | size


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(
        __doc__, argv, "--model", "--tokens", "--evaluate", "--labels", "--out", "--metrics", "--plots"
    )
    settings, _ = read_settings(args.params, args.recipes)
    inputs = read_inputs(args)
    # raises now, and not after the export, if the metric is undefined
    losses(inputs.validation, inputs.validation.fp32, settings.quantize.gate_metric)
    with files.replace_folder(args.out) as out:
        metrics = write_models(args, inputs, settings, out)
        manifest.write(out, LEAST_ONNX_RUNTIME)
    files.write_metrics(args.metrics, metrics)
    if metrics["candidate"] is None:
        shutil.rmtree(args.plots, ignore_errors=True)  # of an earlier model
        reasons = ", ".join(f"{name} ({entry['refused']})" for name, entry in metrics["tried"].items())
        raise StrataError(
            f"every candidate loses too much on validation rows: {reasons}; the fp32 model is in {args.out / FP32}; "
            "train again, name other quantize.candidates, or loosen quantize's limits"
        )
    print(
        f"quantize: {metrics['candidate']}, test accuracy {metrics['accuracy']:.3f} (fp32 "
        f"{metrics['accuracy'] + metrics['accuracy_loss']:.3f}), agreement {metrics['agreement']:.1%}, "
        f"{metrics['size_mb']:.1f} MB of {metrics['fp32_size_mb']:.1f} MB"
    )


if __name__ == "__main__":
    command_line.run(main, "quantize")
