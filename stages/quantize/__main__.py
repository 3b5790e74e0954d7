"""Export the fine-tuned model to ONNX, make it small, and refuse what loses too much.

    python -m stages.quantize --params params.yaml --recipes recipes --model models/train --tokens data/tokenize \
        --evaluate data/evaluate --labels data/standardize/labels.json --out models/quantize \
        --metrics metrics/quantize.json --plots plots/quantize

The candidates are tried in turn on validation rows; the first that passes every limit is taken, and scored once on the
test rows. Where none does, the stage fails and the folder has the fp32 model alone. The metrics say what was tried, and
why it was refused. Every file of the folder has evaluate's calibration in the model's last layer, so that a plain
softmax is calibrated; config.json has the threshold and its label, quantization.json what `strata check` compares
with.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from stages.quantize.gate import Split, compare, refusals
from strata import cpu, curves
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.intervals.bootstrap import scored
from strata.labels import Labels, read_labels
from strata.model.batches import padded
from strata.model.tokens import read_tokens
from strata.runtime.onnx_classifier import OnnxClassifier
from strata.settings.params import Quantize
from strata.settings.reader import read_settings

SAME = 0.01  # probabilities of one model in PyTorch and in ONNX Runtime differ by less
SAMPLE = 32  # validation rows that tell which parts int8 rounds worst


def read(tokens: Path, predictions: pd.DataFrame, labels: Labels, threshold: float | None) -> Split:
    """Join a tokenized split and the fp32 model's predictions by id.

    Raises: StrataError when the rows differ, or a label has none.
    """
    rows = read_tokens(tokens)
    if sorted(rows.id) != sorted(predictions["id"]):
        raise StrataError("predictions and tokens hold different rows; run evaluate again: dvc repro")
    frame = predictions.set_index("id", drop=False).loc[rows.id]
    if missing := set(range(len(labels.names))) - set(frame["label"]):
        raise StrataError(f"{tokens}: no row of label {labels.names[min(missing)]}, of which int8 may lose none unseen")
    return Split(frame, rows.input_ids, labels, threshold)


def check_predictions(fp32: Path, validation: Split) -> None:
    """Raise: StrataError when evaluate's predictions are not those of the exported model."""
    far = np.abs(OnnxClassifier(fp32).probabilities(validation.input_ids) - validation.fp32).max()
    if far > SAME:
        raise StrataError(f"evaluate's predictions are of another model, by up to {far:.3f}; run it again: dvc repro")


def choose(
    fp32: Path, target: Path, validation: Split, pad_id: int, knobs: Quantize
) -> tuple[str | None, dict[str, dict]]:
    """Try the candidates in turn; the first that passes is left at `target`.

    Returns: its name, None where all are refused; and by candidate what `compare` found, its size in MB, and `refused`,
    the reasons.
    """
    from stages.quantize import candidates

    sample = padded(validation.input_ids[:SAMPLE], pad_id)
    tried = {}
    for name in knobs.candidates:
        candidates.make(name, fp32, target, sample)
        tried[name] = {"size_mb": megabytes(target), "refused": "NaN or infinite logits"}
        try:
            probabilities = OnnxClassifier(target).probabilities(validation.input_ids)
        except ValueError:  # of logits that are no numbers
            pass
        else:
            found = compare(validation, probabilities, knobs.gate_metric)
            tried[name] |= found | {"refused": "; ".join(refusals(found, validation, knobs))}
        if not tried[name]["refused"]:
            return name, tried
        print(f"quantize: {name} refused on validation rows: {tried[name]['refused']}")
        target.unlink()
    return None, tried


def on_test_rows(test: Split, found: np.ndarray, seed: int, metric: str) -> dict:
    """Return what the metrics say of the chosen model on the test rows. found: probabilities, (rows, labels)."""
    lost = compare(test, found, metric)
    of_metric = {f"{metric}_loss": lost.pop("loss")}
    accuracy = {"accuracy_loss": compare(test, found, "accuracy")["loss"]}
    label, unit = test.frame["label"].to_numpy(), test.frame["unit"].to_numpy()
    predicted = test.predicted(found)
    return scored(label, found, test.labels.positive_id, unit, seed, predicted) | accuracy | of_metric | lost


def megabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 2)


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(
        __doc__, argv, "--model", "--tokens", "--evaluate", "--labels", "--out", "--metrics", "--plots"
    )
    settings, _ = read_settings(args.params, args.recipes)
    knobs, labels, longest = settings.quantize, read_labels(args.labels), settings.tokenize.max_length
    predictions = dict(iter(tables.read(args.evaluate / "predictions.parquet").groupby("split")))
    calibration = files.read_json(args.evaluate / "calibration.json")
    if missing := {"validation", "test"} - set(predictions):
        raise StrataError(f"{args.evaluate}: no predictions of {min(missing)} rows; run evaluate again: dvc repro")
    # these imports take ten seconds, so a wrong parameter is told before them
    from stages.quantize import bundle, export

    validation, test = (
        read(args.tokens / name, predictions[name], labels, calibration["threshold"]) for name in ("validation", "test")
    )
    compare(validation, validation.fp32, knobs.gate_metric)  # told before the export, if it is undefined there
    with files.replace_folder(args.out) as out:
        fp32, small = out / "onnx/model.onnx", out / "onnx/model_quantized.onnx"
        fp32.parent.mkdir()
        model = export.load(args.model)
        export.fold(model, calibration["temperature"], calibration["shift"])
        export.export_checked(model, args.model, fp32, calibration, longest)
        bundle.write(model, args.model, out, longest, calibration["threshold"], labels.positive)
        check_predictions(fp32, validation)
        chosen, tried = choose(fp32, small, validation, model.config.pad_token_id or 0, knobs)
        metrics = {"candidate": chosen, "gate_metric": knobs.gate_metric, "tried": tried, "cpu": cpu.flags()}
        metrics["fp32_size_mb"] = megabytes(fp32)
        if chosen:
            found = OnnxClassifier(small).probabilities(test.input_ids)
            bundle.write_quantization(out, chosen, tried[chosen], len(validation.input_ids), knobs, metrics["cpu"])
            metrics = on_test_rows(test, found, settings.seed, knobs.gate_metric) | metrics
            metrics |= {"size_mb": megabytes(small)}
            metrics |= {"size_ratio": round(small.stat().st_size / fp32.stat().st_size, 4)}
            with files.replace_folder(args.plots) as plots:
                curves.write(plots, labels, test.frame["label"].to_numpy(), found)
    files.write_metrics(args.metrics, metrics)
    if not chosen:
        shutil.rmtree(args.plots, ignore_errors=True)  # of an earlier model
        reasons = ", ".join(f"{name} ({found['refused']})" for name, found in tried.items())
        raise StrataError(
            f"every candidate loses too much on validation rows: {reasons}; the fp32 model is in "
            f"{args.out / 'onnx/model.onnx'}; train again, name other quantize.candidates, or loosen quantize's limits"
        )
    print(
        f"quantize: {chosen}, test accuracy {metrics['accuracy']:.3f} (fp32 "
        f"{metrics['accuracy'] + metrics['accuracy_loss']:.3f}), agreement {metrics['agreement']:.1%}, "
        f"{metrics['size_mb']:.1f} MB of {metrics['fp32_size_mb']:.1f} MB"
    )


if __name__ == "__main__":
    command_line.run(main, "quantize")
