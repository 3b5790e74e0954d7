"""Score what a transformer has to beat, on the same rows: the majority class, and TF-IDF with logistic regression.

    python -m stages.baseline --params params.yaml --recipes recipes --resample data/resample \
        --split data/split --labels data/standardize/labels.json --metrics metrics/baseline.json
"""

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from stages.shared import command, files, params, tables
from stages.shared.command import StageError
from stages.shared.labels import read_labels
from stages.shared.scores import scores


def baselines(
    natural: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, settings: params.Baseline
) -> dict[str, np.ndarray]:
    """Fit both baselines and return their probabilities of the test rows: (rows, labels).

    natural: training rows before resampling, which say what the majority is. train: after it, as the transformer gets
    them.
    """
    majority = DummyClassifier(strategy="prior").fit(natural["text"], natural["label"])
    vectorizer = TfidfVectorizer(ngram_range=(1, settings.ngram_max), min_df=settings.min_df, sublinear_tf=True)
    try:
        features = vectorizer.fit_transform(train["text"])
    except ValueError as error:
        raise StageError(
            f"TF-IDF finds no words in {len(train):,} training rows ({error}); lower "
            f"baseline.min_df ({settings.min_df})"
        ) from None
    tfidf = LogisticRegression(C=settings.c, max_iter=1000).fit(features, train["label"])
    return {
        "majority": majority.predict_proba(test["text"]),
        "tfidf": tfidf.predict_proba(vectorizer.transform(test["text"])),
    }


def main(argv: list[str] | None = None) -> None:
    args = command.arguments(__doc__, argv, "--resample", "--split", "--labels", "--metrics")
    settings, _ = params.load(args.params, args.recipes)
    labels = read_labels(args.labels)
    natural, test = tables.read(args.split / "train.parquet"), tables.read(args.split / "test.parquet")
    train = tables.read(args.resample / "train.parquet")
    metrics = {
        name: scores(test["label"].to_numpy(), probabilities, labels.positive_id)
        for name, probabilities in baselines(natural, train, test, settings.baseline).items()
    }
    files.write_json(args.metrics, metrics)
    for name, values in metrics.items():
        print(f"baseline: {name} accuracy {values['accuracy']:.3f}, f1_macro {values['f1_macro']:.3f}")


if __name__ == "__main__":
    command.run(main, "baseline")
