"""The tables of where the model fails: errors, their kinds, slices, confusions, and rows whose label looks wrong."""

import numpy as np
import pandas as pd

from stages.evaluate import error_kinds, label_noise, slices
from stages.evaluate.influence import influential_words
from stages.evaluate.rows import ScoredRows
from stages.evaluate.scorer import Scorer
from strata import curves
from strata.labels import Labels


def errors(test: ScoredRows, texts: pd.Series, kinds: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """List the wrong predictions, surest first: columns id, label, prediction, probability, kinds, text.

    texts: (rows,) str. kinds: a bool column each, (rows,). probability: of what was predicted.
    """
    listed = pd.DataFrame(
        {
            "id": test.id,
            "label": np.array(names)[test.label],
            "prediction": np.array(names)[test.predicted],
            "probability": test.probabilities[np.arange(len(test.id)), test.predicted].round(4),
            "kinds": error_kinds.named(kinds),
            "text": texts.to_numpy(),
        }
    )
    wrong = listed[test.label != test.predicted]
    return wrong.sort_values(["probability", "id"], ascending=[False, True], ignore_index=True)


def with_words(listed: pd.DataFrame, scorer: Scorer, names: list[str], most: int) -> pd.DataFrame:
    """Add the words that spoke most for each of the first `most` errors: column words, empty elsewhere."""
    first, ids = listed.head(most), {name: i for i, name in enumerate(names)}
    found = influential_words(
        scorer.model,
        scorer.tokenizer,
        first["text"].tolist(),
        first["prediction"].map(ids).to_numpy(),
        first["label"].map(ids).to_numpy(),
        scorer.max_length,
    )
    words = [" ".join(word for word, attribution in row if attribution > 0) for row in found]
    return listed.assign(words=words + [""] * (len(listed) - len(words)))


def all_slices(plain: list[str], group: pd.Series, attributes: pd.DataFrame, test: ScoredRows) -> pd.DataFrame:
    """Score the slices that are given (length, group, attributes), and those found: see stages/evaluate/slices.py.

    plain: texts without what was appended. group: (rows,) str or null. attributes: a column each, (rows,).
    """
    columns = pd.DataFrame({"length": slices.length_bins(slices.words(plain), slices.GIVEN_BINS), "group": group})
    given = slices.given(pd.concat([columns, attributes], axis=1), test.label, test.predicted, test.unit)
    found = slices.found(plain, test.label, test.predicted, test.unit)
    return pd.concat([given, found.assign(kind="found: " + found["kind"])], ignore_index=True)


def suspects(test: ScoredRows, texts: pd.Series, names: list[str]) -> pd.DataFrame:
    """List rows to look at, since the model is confidently of another label: id, label, suggested, score, text."""
    listed = label_noise.suspects(test.id, test.label, test.probabilities)
    for column in ("label", "suggested"):
        listed[column] = np.array(names)[listed[column].to_numpy(dtype=np.int64)]
    text_of = dict(zip(test.id.tolist(), texts, strict=True))
    return listed.assign(score=listed["score"].round(4), text=listed["id"].map(text_of))


def tables(
    test: ScoredRows,
    texts: pd.DataFrame,
    plain: list[str],
    attributes: pd.DataFrame,
    tfidf: np.ndarray,
    scorer: Scorer,
    labels: Labels,
    explained: int,
) -> dict[str, pd.DataFrame]:
    """Return every table by name. texts: text and group, in the order of test. tfidf: (rows, labels)."""
    truncated = scorer.lengths(texts["text"].tolist()) > scorer.max_length
    kinds = error_kinds.kinds(plain, truncated, test.label, test.probabilities, tfidf)
    listed = errors(test, texts["text"], kinds, labels.names)
    return {
        "errors": with_words(listed, scorer, labels.names, explained),
        "error_kinds": error_kinds.summary(kinds, test.label != test.predicted),
        "slices": all_slices(plain, texts["group"], attributes, test),
        "confusions": curves.worst_confusions(labels, test.label, test.predicted),
        "suspects": suspects(test, texts["text"], labels.names),
    }
