"""Export the fine-tuned model to ONNX, make it small, and refuse what loses too much.

    python -m stages.quantize --params params.yaml --recipes recipes --model models/train --tokens data/tokenize \
        --evaluate data/evaluate --labels data/standardize/labels.json --out models/quantize \
        --metrics metrics/quantize.json --plots plots/quantize

The candidates are tried in turn on validation rows; the first that passes every limit is taken, and scored once on the
test rows. Where none does, the stage fails and the folder has the fp32 model alone. The metrics say what was tried, and
why it was refused. Every file of the folder has evaluate's calibration in the model's last layer, so that a plain
softmax is calibrated; config.json has the threshold and its label, quantization.json what `python -m check` compares
with.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stages.quantize.gate import Rows, compare, refusals
from stages.shared import command, cpu, curves, files, params, tables
from stages.shared.batches import padded
from stages.shared.bootstrap import scored
from stages.shared.command import StageError
from stages.shared.labels import Labels, read_labels
from stages.shared.onnx_classifier import OnnxClassifier

SAMPLE = 32  # validation rows that tell which parts int8 rounds worst


@dataclass(frozen=True)
class Split:
    """Rows that both models score. frame: id, label, unit and fp32's probabilities. input_ids: token ids of each."""

    frame: pd.DataFrame
    input_ids: list[np.ndarray]

    def rows(self, quantized: np.ndarray, labels: Labels, threshold: float | None) -> Rows:
        """Set both models' probabilities side by side. quantized: (rows, labels)."""
        fp32 = np.stack(self.frame["probabilities"])
        return Rows(self.frame["label"].to_numpy(), fp32, quantized, labels.positive_id, threshold)


def read(tokens: Path, predictions: pd.DataFrame) -> Split:
    """Join a tokenized split and the fp32 model's predictions by id. Raises: StageError when the rows differ."""
    from datasets import load_from_disk

    rows = load_from_disk(tokens).with_format("numpy")
    ids = np.asarray(rows["id"])
    if sorted(ids) != sorted(predictions["id"]):
        raise StageError("predictions and tokens hold different rows; run evaluate again: dvc repro")
    return Split(predictions.set_index("id", drop=False).loc[ids], list(rows["input_ids"]))


def choose(
    fp32: Path,
    target: Path,
    validation: Split,
    labels: Labels,
    threshold: float | None,
    pad_id: int,
    knobs: params.Quantize,
) -> tuple[str | None, dict[str, dict]]:
    """Try the candidates in turn; the first that passes is left at `target`.

    Returns: its name, None where all are refused; and by candidate what `compare` found, its size in MB, and
    `refused`, the reasons.
    """
    from stages.quantize import candidates

    sample = padded(validation.input_ids[:SAMPLE], pad_id)
    tried = {}
    for name in knobs.candidates:
        candidates.make(name, fp32, target, sample)
        probabilities = OnnxClassifier(target, pad_id).probabilities(validation.input_ids)
        rows = validation.rows(probabilities, labels, threshold)
        found = compare(rows, labels.names, knobs.gate_metric)
        refused = refusals(found, rows.label, labels.names, knobs)
        tried[name] = found | {"size_mb": megabytes(target), "refused": "; ".join(refused)}
        if not refused:
            return name, tried
        print(f"quantize: {name} refused on validation rows: {tried[name]['refused']}")
        target.unlink()
    return None, tried


def megabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 2)


def main(argv: list[str] | None = None) -> None:
    args = command.arguments(
        __doc__, argv, "--model", "--tokens", "--evaluate", "--labels", "--out", "--metrics", "--plots"
    )
    settings, _ = params.load(args.params, args.recipes)
    knobs, labels = settings.quantize, read_labels(args.labels)
    predictions = dict(iter(tables.read(args.evaluate / "predictions.parquet").groupby("split")))
    calibration = files.read_json(args.evaluate / "calibration.json")
    threshold = calibration["threshold"]
    # these imports take ten seconds, so a wrong parameter is told before them
    from stages.quantize import bundle, export

    validation, test = (read(args.tokens / name, predictions[name]) for name in ("validation", "test"))
    with files.replace_folder(args.out) as out:
        fp32, small = out / "onnx/model.onnx", out / "onnx/model_quantized.onnx"
        fp32.parent.mkdir()
        model = export.load(args.model)
        export.fold(model, calibration["temperature"], calibration["shift"])
        export.export(model, fp32)
        export.check(export.load(args.model), fp32, calibration, settings.tokenize.max_length)
        bundle.write(model, args.model, out, settings.tokenize.max_length, threshold, labels.positive)
        pad_id = model.config.pad_token_id or 0
        chosen, tried = choose(fp32, small, validation, labels, threshold, pad_id, knobs)
        metrics = {"candidate": chosen, "tried": tried, "fp32_size_mb": megabytes(fp32), "cpu": cpu.flags()}
        if chosen:
            found = OnnxClassifier(small, pad_id).probabilities(test.input_ids)
            rows = test.rows(found, labels, threshold)
            predicted, unit = rows.predicted(found), test.frame["unit"].to_numpy()
            lost = compare(rows, labels.names, "accuracy")
            of_validation = {name: tried[chosen][name] for name in ("loss", "label_loss", "agreement", "drift")}
            files.write_json(
                out / "quantization.json",
                {
                    "candidate": chosen,
                    "validation": {"rows": len(validation.input_ids)} | of_validation,
                    "limits": {"min_agreement": knobs.min_agreement, "max_drift": knobs.max_drift},
                    "cpu": metrics["cpu"],
                },
            )
            metrics = (
                scored(rows.label, found, rows.positive, unit, settings.seed, predicted)
                | {"accuracy_loss": lost.pop("loss")}
                | lost
                | metrics
                | {"size_mb": megabytes(small), "size_ratio": round(small.stat().st_size / fp32.stat().st_size, 4)}
            )
            with files.replace_folder(args.plots) as plots:
                curves.write(plots, labels, rows.label, found)
    files.write_json(args.metrics, metrics)
    if not chosen:
        reasons = ", ".join(f"{name} ({found['refused']})" for name, found in tried.items())
        raise StageError(
            f"every candidate loses too much on validation rows: {reasons}; the fp32 model is in "
            f"{args.out / 'onnx/model.onnx'}; train again, name other quantize.candidates, or loosen quantize's limits"
        )
    print(
        f"quantize: {chosen}, test accuracy {metrics['accuracy']:.3f} (fp32 "
        f"{metrics['accuracy'] + metrics['accuracy_loss']:.3f}), agreement {metrics['agreement']:.1%}, "
        f"{metrics['size_mb']:.1f} MB of {metrics['fp32_size_mb']:.1f} MB"
    )


if __name__ == "__main__":
    command.run(main, "quantize")
