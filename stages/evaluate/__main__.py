"""Score the fine-tuned model on validation and test rows, list its errors and draw its curves.

    python -m stages.evaluate --params params.yaml --recipes recipes --model models/train --tokens data/tokenize \
        --split data/split --labels data/standardize/labels.json --out data/evaluate --metrics metrics/evaluate.json \
        --plots plots/evaluate

Writes predictions.parquet (id, split, label, prediction, probabilities) and errors.csv, the wrong test rows, surest
first. The metrics are those of the test split, with those of the validation split under their name.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from stages.shared import command, files, params, tables
from stages.shared.labels import read_labels

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("split", pa.string()),
        ("label", pa.int64()),
        ("prediction", pa.int64()),
        ("probabilities", pa.list_(pa.float64())),  # in the order of label ids
    ]
)
SPLITS = ("validation", "test")


def predict(model_folder: Path, tokens: Path, batch_size: int) -> pd.DataFrame:
    """Return the model's predictions of validation and test rows in fp32: columns of SCHEMA."""
    # these imports take seconds, so a wrong parameter is told before them
    import torch
    from datasets import load_from_disk
    from transformers import AutoModelForSequenceClassification

    from stages.shared.batches import probabilities

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForSequenceClassification.from_pretrained(
        model_folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
    )
    model.to(device).eval()

    @torch.inference_mode()
    def logits_of(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        ids, mask = torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)
        return model(input_ids=ids, attention_mask=mask).logits.cpu().numpy()

    frames = []
    for split in SPLITS:
        rows = load_from_disk(tokens / split).with_format("numpy")
        scored = probabilities(list(rows["input_ids"]), logits_of, batch_size, model.config.pad_token_id or 0)
        frame = pd.DataFrame({"id": rows["id"], "split": split, "label": rows["label"]})
        frames.append(frame.assign(prediction=scored.argmax(axis=1), probabilities=list(scored)))
    return pd.concat(frames, ignore_index=True)


def errors(predictions: pd.DataFrame, rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """List the wrong predictions with their text, surest first: columns id, label, prediction, probability, text."""
    wrong = predictions[predictions["label"] != predictions["prediction"]].merge(rows[["id", "text"]], on="id")
    wrong["probability"] = wrong["probabilities"].map(max).round(4)
    for column in ("label", "prediction"):
        wrong[column] = wrong[column].map(dict(enumerate(names)))
    wrong = wrong.sort_values(["probability", "id"], ascending=[False, True])
    return wrong[["id", "label", "prediction", "probability", "text"]]


def main(argv: list[str] | None = None) -> None:
    args = command.arguments(
        __doc__, argv, "--model", "--tokens", "--split", "--labels", "--out", "--metrics", "--plots"
    )
    settings, _ = params.load(args.params, args.recipes)
    labels = read_labels(args.labels)
    test_rows = tables.read(args.split / "test.parquet", ["id", "text"])
    predictions = predict(args.model, args.tokens, settings.evaluate.batch_size)

    from stages.evaluate import curves
    from stages.evaluate.metric import ClassificationScores

    metric = ClassificationScores(keep_in_memory=True)
    by_split = dict(iter(predictions.groupby("split")))
    scored = {
        split: metric.compute(
            predictions=by_split[split]["probabilities"].tolist(),
            references=by_split[split]["label"].tolist(),
            positive=labels.positive_id,
        )
        for split in SPLITS
    }
    test = by_split["test"]
    truth, shares = test["label"].to_numpy(), np.stack(test["probabilities"])
    with files.replace_folder(args.plots) as plots, files.replace_folder(args.out) as out:
        tables.write_frame(out / "predictions.parquet", predictions, SCHEMA)
        errors(test, test_rows, labels.names).to_csv(out / "errors.csv", index=False)
        curves.roc(labels, truth, shares).to_csv(plots / "roc.csv", index=False)
        curves.precision_recall(labels, truth, shares).to_csv(plots / "precision_recall.csv", index=False)
        curves.confusion(labels, truth, test["prediction"].to_numpy()).to_csv(plots / "confusion.csv", index=False)
    files.write_json(args.metrics, scored["test"] | {"validation": scored["validation"]})
    for split in SPLITS:
        values = scored[split]
        print(
            f"evaluate: {split} {len(by_split[split]):,} rows, accuracy {values['accuracy']:.3f}, "
            f"f1_macro {values['f1_macro']:.3f}"
        )


if __name__ == "__main__":
    command.run(main, "evaluate")
