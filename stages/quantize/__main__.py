"""Export the fine-tuned model to ONNX, quantize it to int8, and refuse it when it loses too much.

    python -m stages.quantize --params params.yaml --recipes recipes --model models/train --tokens data/tokenize \
        --evaluate data/evaluate --labels data/standardize/labels.json --out models/quantize \
        --metrics metrics/quantize.json --plots plots/quantize

The folder (config.json, tokenizer.json, onnx/model.onnx, onnx/model_quantized.onnx) is laid out as transformers.js
loads it. Both models have evaluate's calibration in their last layer, so that a plain softmax is calibrated, and
config.json has its threshold and the label that it is of. The gate compares int8 with fp32 on validation rows; the
metrics are those of int8 on the test rows.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from stages.shared import command, curves, files, params, tables
from stages.shared.batches import probabilities
from stages.shared.bootstrap import scored
from stages.shared.command import StageError
from stages.shared.labels import read_labels
from stages.shared.scores import LOWER_IS_BETTER, decide, scores


def score_onnx(model: Path, tokens: Path, batch_size: int, pad_id: int) -> pd.DataFrame:
    """Return an ONNX classifier's probabilities of a tokenized split: columns id, probabilities."""
    import onnxruntime
    from datasets import load_from_disk

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def logits_of(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]

    rows = load_from_disk(tokens).with_format("numpy")
    scored = probabilities(list(rows["input_ids"]), logits_of, batch_size, pad_id)
    return pd.DataFrame({"id": rows["id"], "probabilities": list(scored)})


def compare(
    fp32: pd.DataFrame, int8: pd.DataFrame, positive: int | None, threshold: float | None, seed: int
) -> tuple[dict, dict, float]:
    """Score both models on the rows that they share by id. threshold: of the positive label's probability, or None.

    Returns: scores of fp32; scores of int8, with intervals; and the share of rows on which their predictions agree.
    Raises: StageError when the rows differ.
    """
    both = fp32.merge(int8, on="id", suffixes=("_fp32", "_int8"), validate="one_to_one")
    if not len(both) == len(fp32) == len(int8):
        raise StageError("predictions and tokens hold different rows; run evaluate again: dvc repro")
    labels = both["label"].to_numpy()
    shares = {name: np.stack(both[f"probabilities_{name}"]) for name in ("fp32", "int8")}
    predicted = {name: decide(found, positive, threshold) for name, found in shares.items()}
    return (
        scores(labels, shares["fp32"], positive, predicted["fp32"]),
        scored(labels, shares["int8"], positive, both["unit"].to_numpy(), seed, predicted["int8"]),
        float((predicted["fp32"] == predicted["int8"]).mean()),
    )


def loss(metric: str, fp32: dict, int8: dict) -> float:
    """Return by how much int8 is worse than fp32 in `metric`; below 0 where it is better."""
    if fp32[metric] is None or int8[metric] is None:
        raise StageError(f"quantize.gate_metric {metric} is undefined on the validation rows; choose another")
    return (fp32[metric] - int8[metric]) * (-1 if metric in LOWER_IS_BETTER else 1)


def main(argv: list[str] | None = None) -> None:
    args = command.arguments(
        __doc__, argv, "--model", "--tokens", "--evaluate", "--labels", "--out", "--metrics", "--plots"
    )
    settings, _ = params.load(args.params, args.recipes)
    knobs, labels = settings.quantize, read_labels(args.labels)
    predictions = dict(iter(tables.read(args.evaluate / "predictions.parquet").groupby("split")))
    calibration = files.read_json(args.evaluate / "calibration.json")
    # these imports take ten seconds, so a wrong parameter is told before them
    from stages.quantize.export import export, quantize

    with files.replace_folder(args.out) as out, files.replace_folder(args.plots) as plots:
        onnx = out / "onnx"
        onnx.mkdir()
        export(args.model, onnx / "model.onnx", calibration)
        quantize(onnx / "model.onnx", onnx / "model_quantized.onnx", knobs.per_channel, knobs.reduce_range)
        config = files.read_json(args.model / "config.json")
        pad_id = config.get("pad_token_id") or 0
        compared = {}
        for split in ("validation", "test"):
            int8 = score_onnx(onnx / "model_quantized.onnx", args.tokens / split, knobs.batch_size, pad_id)
            compared[split] = compare(
                predictions[split], int8, labels.positive_id, calibration["threshold"], settings.seed
            )
        truth = predictions["test"].set_index("id").loc[int8["id"], "label"].to_numpy()
        curves.write(plots, labels, truth, np.stack(int8["probabilities"]))
        metric = knobs.gate_metric
        fp32, int8, agreement = compared["validation"]
        lost = loss(metric, fp32, int8)
        if round(lost, 9) > knobs.max_loss:  # 0.85 - 0.84 is a little above 0.01
            raise StageError(
                f"int8 loses {lost:.4f} of {metric} on validation rows ({fp32[metric]:.4f} to {int8[metric]:.4f}), "
                f"more than quantize.max_loss {knobs.max_loss:g}; set quantize.per_channel or quantize.reduce_range to "
                "true, or raise quantize.max_loss"
            )
        for path in sorted(args.model.iterdir()):
            if path.suffix != ".safetensors":
                shutil.copyfile(path, out / path.name)
        decision = {"threshold": calibration["threshold"], "positive": labels.positive}
        files.write_json(out / "config.json", config | decision)
        sizes = {name: (onnx / name).stat().st_size for name in ("model.onnx", "model_quantized.onnx")}
    fp32_test, int8_test, test_agreement = compared["test"]
    files.write_json(
        args.metrics,
        int8_test
        | {
            "agreement": test_agreement,
            "accuracy_loss": fp32_test["accuracy"] - int8_test["accuracy"],
            "size_mb": round(sizes["model_quantized.onnx"] / 1e6, 2),
            "fp32_size_mb": round(sizes["model.onnx"] / 1e6, 2),
            "size_ratio": round(sizes["model_quantized.onnx"] / sizes["model.onnx"], 4),
            "validation": int8 | {"agreement": agreement, f"{metric}_loss": lost},
        },
    )
    print(
        f"quantize: int8 test accuracy {int8_test['accuracy']:.3f} (fp32 {fp32_test['accuracy']:.3f}), agreement "
        f"{test_agreement:.1%}, {sizes['model_quantized.onnx'] / 1e6:.1f} MB of {sizes['model.onnx'] / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    command.run(main, "quantize")
