"""Score what a transformer has to beat, on the same rows: the majority class, and TF-IDF with logistic regression.

    python -m stages.baseline --params params.yaml --recipes recipes --resample data/resample --split data/split \
        --labels data/standardize/labels.json --out data/baseline --metrics metrics/baseline.json --plots plots/baseline

Scored on the test rows, and under `validation` on those. Writes predictions.parquet: id, majority and tfidf, the
probabilities of the test rows.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import softmax
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from strata import curves
from strata.annotation import annotated
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.intervals.bootstrap import scores_with_intervals
from strata.labels import read_labels
from strata.prior import read_prior_shift
from strata.settings.params import Baseline
from strata.settings.reader import read_settings

SCHEMA = pa.schema([("id", pa.int64()), ("majority", pa.list_(pa.float64())), ("tfidf", pa.list_(pa.float64()))])


def baselines(
    natural: pd.DataFrame,
    train: pd.DataFrame,
    splits: dict[str, pd.DataFrame],
    shift: np.ndarray,
    settings: Baseline,
) -> dict[str, dict[str, np.ndarray]]:
    """Fit both baselines and return their probabilities of each split's rows: (rows, labels), by baseline and split.

    natural: training rows before resampling, which say what the majority is. train: after it, as the transformer gets
    them; as the transformer's, TF-IDF's probabilities get the labels' natural shares back by `shift`, (labels,).
    """
    majority = DummyClassifier(strategy="prior").fit(natural["text"], natural["label"])
    vectorizer = TfidfVectorizer(ngram_range=(1, settings.ngram_max), min_df=settings.min_df, sublinear_tf=True)
    try:
        features = vectorizer.fit_transform(annotated(train["text"], train["annotation"]))
    except ValueError as error:
        raise StrataError(
            f"TF-IDF finds no words in {len(train):,} training rows ({error}); lower "
            f"baseline.min_df ({settings.min_df})"
        ) from None
    tfidf = LogisticRegression(C=settings.c, max_iter=1000).fit(features, train["label"])
    log_shares = {
        name: tfidf.predict_log_proba(vectorizer.transform(annotated(rows["text"], rows["annotation"])))
        for name, rows in splits.items()
    }
    return {
        "majority": {name: majority.predict_proba(rows["text"]) for name, rows in splits.items()},
        "tfidf": {name: softmax(found + shift, axis=1) for name, found in log_shares.items()},
    }


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--resample", "--split", "--labels", "--out", "--metrics", "--plots")
    settings, _ = read_settings(args.params, args.recipes)
    labels = read_labels(args.labels)
    natural, train = tables.read(args.split / "train.parquet"), tables.read(args.resample / "train.parquet")
    splits = {name: tables.read(args.split / f"{name}.parquet") for name in ("test", "validation")}
    unit = tables.read(args.split / "units.parquet").set_index("id")["unit"]
    shift = read_prior_shift(args.resample / "prior.json").resampling
    found = baselines(natural, train, splits, shift, settings.baseline)

    def score(baseline: str, split: str) -> dict:
        rows = splits[split]
        label, units = rows["label"].to_numpy(), unit.loc[rows["id"]].to_numpy()
        return scores_with_intervals(label, found[baseline][split], labels.positive_id, units, settings.seed)

    metrics = {name: score(name, "test") | {"validation": score(name, "validation")} for name in found}
    test = splits["test"]
    with files.replace_folder(args.out) as out, files.replace_folder(args.plots) as plots:
        predictions = {name: list(shares["test"]) for name, shares in found.items()}
        tables.write_frame(out / "predictions.parquet", pd.DataFrame({"id": test["id"], **predictions}), SCHEMA)
        curves.write(plots, labels, test["label"].to_numpy(), found["tfidf"]["test"])
    files.write_json(args.metrics, metrics)
    for name, values in metrics.items():
        print(f"baseline: {name} accuracy {values['accuracy']:.3f}, f1_macro {values['f1_macro']:.3f}")


if __name__ == "__main__":
    command_line.run(main, "baseline")
