"""Score what the transformer must beat, on the same rows: the majority class, and TF-IDF with logistic regression.

    python -m stages.baseline --params params.yaml --recipes recipes --resample data/resample --split data/split \
        --labels data/standardize/labels.json --out data/baseline --metrics metrics/baseline.json --plots plots/baseline

The metrics are those of the test rows, and under `validation` those of the validation rows. Writes predictions.parquet
with the columns id, majority and tfidf: the probabilities of the test rows.
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

Probabilities = dict[str, dict[str, np.ndarray]]
"""By baseline and split: (rows, labels)."""


def baselines(
    natural: pd.DataFrame,
    train: pd.DataFrame,
    splits: dict[str, pd.DataFrame],
    shift: np.ndarray,
    settings: Baseline,
) -> Probabilities:
    """Fit both baselines and return their probabilities for each split's rows.

    natural: training rows before resampling, for the majority class. train: after resampling, for TF-IDF, as for the
    transformer. shift: (labels,), added to TF-IDF's log probabilities to restore the natural prior.
    """
    majority = DummyClassifier(strategy="prior").fit(natural["text"], natural["label"])
    return {
        "majority": {name: majority.predict_proba(rows["text"]) for name, rows in splits.items()},
        "tfidf": {
            name: softmax(log_probabilities + shift, axis=1)
            for name, log_probabilities in tfidf_log_probabilities(train, splits, settings).items()
        },
    }


def tfidf_log_probabilities(
    train: pd.DataFrame, splits: dict[str, pd.DataFrame], settings: Baseline
) -> dict[str, np.ndarray]:
    """Fit TF-IDF with logistic regression; return log probabilities by split: (rows, labels)."""
    vectorizer = TfidfVectorizer(ngram_range=(1, settings.ngram_max), min_df=settings.min_df, sublinear_tf=True)
    try:
        features = vectorizer.fit_transform(annotated(train["text"], train["annotation"]))
    except ValueError as error:
        raise StrataError(
            f"TF-IDF finds no words in {len(train):,} training rows ({error}); lower "
            f"baseline.min_df ({settings.min_df})"
        ) from None
    model = LogisticRegression(C=settings.c, max_iter=1000).fit(features, train["label"])
    return {
        name: model.predict_log_proba(vectorizer.transform(annotated(rows["text"], rows["annotation"])))
        for name, rows in splits.items()
    }


def metrics_of(
    probabilities: Probabilities,
    splits: dict[str, pd.DataFrame],
    units: pd.Series,
    positive: int | None,
    seed: int,
) -> dict[str, dict]:
    """Return the scores of each baseline on test rows, and under `validation` on those.

    units: by id, equal for rows that are not independent. positive: id of the positive label, None with many labels.
    """

    def scores_on(split: str, values: np.ndarray) -> dict:
        rows = splits[split]
        label, unit = rows["label"].to_numpy(), units.loc[rows["id"]].to_numpy()
        return scores_with_intervals(label, values, positive, unit, seed)

    return {
        name: scores_on("test", values["test"]) | {"validation": scores_on("validation", values["validation"])}
        for name, values in probabilities.items()
    }


def predictions(test: pd.DataFrame, probabilities: Probabilities) -> pd.DataFrame:
    """Return the columns of SCHEMA for the test rows."""
    return pd.DataFrame({"id": test["id"], **{name: list(values["test"]) for name, values in probabilities.items()}})


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--resample", "--split", "--labels", "--out", "--metrics", "--plots")
    settings, _ = read_settings(args.params, args.recipes)
    labels = read_labels(args.labels)
    natural, train = (tables.read(folder / "train.parquet") for folder in (args.split, args.resample))
    splits = {name: tables.read(args.split / f"{name}.parquet") for name in ("test", "validation")}
    units = tables.read(args.split / "units.parquet").set_index("id")["unit"]
    shift = read_prior_shift(args.resample / "prior.json").resampling
    probabilities = baselines(natural, train, splits, shift, settings.baseline)
    metrics = metrics_of(probabilities, splits, units, labels.positive_id, settings.seed)
    with files.replace_folder(args.out) as out, files.replace_folder(args.plots) as plots:
        tables.write_frame(out / "predictions.parquet", predictions(splits["test"], probabilities), SCHEMA)
        curves.write(plots, labels, splits["test"]["label"].to_numpy(), probabilities["tfidf"]["test"])
    files.write_metrics(args.metrics, metrics)
    for name, values in metrics.items():
        print(f"baseline: {name} accuracy {values['accuracy']:.3f}, f1_macro {values['f1_macro']:.3f}")


if __name__ == "__main__":
    command_line.run(main, "baseline")
