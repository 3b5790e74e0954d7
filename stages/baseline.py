"""Score what the transformer must beat, on the same rows: the majority class, and TF-IDF with logistic regression.

    python -m stages.baseline --params params.yaml --recipes recipes --resample data/resample --split data/split \
        --labels data/standardize/labels.json --out data/baseline --metrics metrics/baseline.json --plots plots/baseline

TF-IDF reads words. Where the training texts are in scripts without spaces between words, or words hold less than half
of what is written, it reads characters, one to three at a time: words would make it a straw man there.

The metrics are headline scores of the test rows; scores.csv among the plots has all of them, those of validation rows
too, with intervals. Writes predictions.parquet with the columns id, majority and tfidf: the probabilities of test rows;
log_probabilities.parquet: TF-IDF's own, of validation and test rows, before the natural prior is restored; and the
fitted TF-IDF (strata/tfidf), which may be the model that ships (model.kind).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import log_softmax, softmax
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from strata import curves, score_table
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.intervals.bootstrap import scores_with_intervals
from strata.labels import read_labels
from strata.prior import read_prior_shift
from strata.scoring import HEADLINES
from strata.settings.params import Baseline
from strata.settings.reader import read_settings
from strata.text.annotation import annotated
from strata.text.scripts import WORD, share_in_words, share_without_spaces
from strata.tfidf.fitted import Fitted, with_first_label
from strata.tfidf.ngrams import CHARACTERS, WORDS, Vocabulary

MOST_WITHOUT_SPACES = 0.25  # of the letters; above it, TF-IDF reads characters
LEAST_IN_WORDS = 0.5  # of the visible characters; below it, too
LENGTHS = (1, 3)  # of the n-grams of characters
SCHEMA = pa.schema([("id", pa.int64()), ("majority", pa.list_(pa.float64())), ("tfidf", pa.list_(pa.float64()))])
LOGARITHMS = pa.schema([("id", pa.int64()), ("split", pa.string()), ("tfidf", pa.list_(pa.float64()))])

Probabilities = dict[str, dict[str, np.ndarray]]
"""By baseline and split: (rows, labels)."""


def baselines(
    natural: pd.DataFrame,
    splits: dict[str, pd.DataFrame],
    log_probabilities: dict[str, np.ndarray],
    shift: np.ndarray,
) -> Probabilities:
    """Fit the majority class, and return both baselines' probabilities for each split's rows.

    natural: training rows before resampling. log_probabilities: TF-IDF's, by split: (rows, labels). shift: (labels,),
    added to them to restore the natural prior.
    """
    majority = DummyClassifier(strategy="prior").fit(natural["text"], natural["label"])
    return {
        "majority": {name: majority.predict_proba(rows["text"]) for name, rows in splits.items()},
        "tfidf": {name: softmax(of_split + shift, axis=1) for name, of_split in log_probabilities.items()},
    }


def analyser(texts: list[str]) -> str:
    """Return what TF-IDF reads of such texts: WORDS or CHARACTERS."""
    by_characters = share_without_spaces(texts) > MOST_WITHOUT_SPACES or share_in_words(texts) < LEAST_IN_WORDS
    return CHARACTERS if by_characters else WORDS


class Tfidf(NamedTuple):
    """TF-IDF with logistic regression, fitted to the rows after resampling, as the transformer is.

    prior: (labels,), log shares of these rows, which a row without any of its n-grams gets.
    """

    reads: str
    vectorizer: TfidfVectorizer
    model: LogisticRegression
    prior: np.ndarray

    def log_probabilities(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (rows, labels)."""
        features = self.vectorizer.transform(annotated(rows["text"], rows["annotation"]))
        known = np.diff(features.indptr) > 0  # (rows,) bool
        columns = self.model.decision_function(features).reshape(len(rows), -1)
        # not predict_log_proba, which is the logarithm of a probability that may have been rounded to 0
        return np.where(known[:, None], log_softmax(with_first_label(columns), axis=1), self.prior)

    @property
    def kept(self) -> Fitted:
        """The same model as strata/tfidf keeps it."""
        ngrams, idf = self.vectorizer.get_feature_names_out().tolist(), self.vectorizer.idf_
        vocabulary = Vocabulary(self.reads, self.vectorizer.ngram_range, ngrams, idf)
        coefficients, intercept = self.model.coef_.T, self.model.intercept_
        prior = self.prior[1:] - self.prior[0] if len(intercept) == 1 else self.prior
        return Fitted(vocabulary, np.vstack([coefficients, prior - intercept]), intercept)


def fitted_tfidf(train: pd.DataFrame, settings: Baseline) -> Tfidf:
    """Fit TF-IDF with logistic regression. train: after resampling. Raises: StrataError when no n-gram is left."""
    reads = analyser(train["text"].tolist())
    options = {"ngram_range": (1, settings.ngram_max), "token_pattern": WORD}
    if reads == CHARACTERS:
        options = {"ngram_range": LENGTHS, "analyzer": "char"}
    vectorizer = TfidfVectorizer(min_df=settings.min_df, sublinear_tf=True, **options)
    try:
        features = vectorizer.fit_transform(annotated(train["text"], train["annotation"]))
    except ValueError as error:
        raise StrataError(
            f"TF-IDF finds no words in {len(train):,} training rows ({error}); lower "
            f"baseline.min_df ({settings.min_df})"
        ) from None
    model = LogisticRegression(C=settings.c, max_iter=1000).fit(features, train["label"])
    prior = np.log(np.bincount(train["label"], minlength=len(model.classes_)) / len(train))
    return Tfidf(reads, vectorizer, model, prior)


def scores_of(
    probabilities: Probabilities,
    splits: dict[str, pd.DataFrame],
    units: pd.Series,
    positive: int | None,
    seed: int,
) -> dict[tuple[str, str], dict]:
    """Return the scores by baseline and split, with intervals.

    units: by id, equal for rows that are not independent. positive: id of the positive label, None with many labels.
    """

    def scores_on(split: str, values: np.ndarray) -> dict:
        rows = splits[split]
        label, unit = rows["label"].to_numpy(), units.loc[rows["id"]].to_numpy()
        return scores_with_intervals(label, values, positive, unit, seed)

    of_both = [(name, split) for name in probabilities for split in splits]
    return {(name, split): scores_on(split, probabilities[name][split]) for name, split in of_both}


def predictions(test: pd.DataFrame, probabilities: Probabilities) -> pd.DataFrame:
    """Return the columns of SCHEMA for the test rows."""
    return pd.DataFrame({"id": test["id"], **{name: list(values["test"]) for name, values in probabilities.items()}})


def logarithms(splits: dict[str, pd.DataFrame], log_probabilities: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return the columns of LOGARITHMS. log_probabilities: by split, (rows, labels)."""
    return pd.concat(
        pd.DataFrame({"id": splits[name]["id"], "split": name, "tfidf": list(values)})
        for name, values in log_probabilities.items()
    )


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--resample", "--split", "--labels", "--out", "--metrics", "--plots")
    settings, labels = read_settings(args.params, args.recipes)[0], read_labels(args.labels)
    natural, train = (tables.read(folder / "train.parquet") for folder in (args.split, args.resample))
    splits = {name: tables.read(args.split / f"{name}.parquet") for name in ("test", "validation")}
    units = tables.read(args.split / "units.parquet").set_index("id")["unit"]
    shift = read_prior_shift(args.resample / "prior.json").resampling
    tfidf = fitted_tfidf(train, settings.baseline)
    logs = {name: tfidf.log_probabilities(rows) for name, rows in splits.items()}
    probabilities = baselines(natural, splits, logs, shift)
    scores = scores_of(probabilities, splits, units, labels.positive_id, settings.seed)
    with files.replace_folder(args.out) as out, files.replace_folder(args.plots) as plots:
        tables.write_frame(out / "predictions.parquet", predictions(splits["test"], probabilities), SCHEMA)
        tables.write_frame(out / "log_probabilities.parquet", logarithms(splits, logs), LOGARITHMS)
        tfidf.kept.write(out)
        curves.write(plots, labels, splits["test"]["label"].to_numpy(), probabilities["tfidf"]["test"], "tfidf")
        files.write_curve(plots / "scores.csv", score_table.frame(scores))
    metrics = {name: {metric: scores[name, "test"][metric] for metric in HEADLINES} for name in probabilities}
    metrics["tfidf"]["reads"] = tfidf.reads
    files.write_metrics(args.metrics, metrics)
    for name in probabilities:
        values, said = scores[name, "test"], f" of {tfidf.reads}" if name == "tfidf" else ""
        print(f"baseline: {name}{said} accuracy {values['accuracy']:.3f}, f1_macro {values['f1_macro']:.3f}")


if __name__ == "__main__":
    command_line.run(main, "baseline")
