"""Tables of where the model fails: errors, their kinds, slices, confusions, and rows that are probably mislabelled."""

import numpy as np
import pandas as pd

from stages.evaluate import error_kinds, label_noise, slice_scores, slices
from stages.evaluate.inputs import Inputs
from stages.evaluate.scored_rows import ScoredRows
from stages.evaluate.text_scorers import TextScorer
from strata import curves
from strata.base.tables import ATTRIBUTE
from strata.text.annotation import annotated


def errors(test: ScoredRows, texts: list[str], is_kind: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the wrong predictions, the most confident first: columns id, label, prediction, probability, kinds, text.

    is_kind: a bool column a kind, (rows,). names: of labels. probability: of the predicted label.
    """
    rows = pd.DataFrame(
        {
            "id": test.id,
            "label": np.array(names)[test.label],
            "prediction": np.array(names)[test.predicted],
            "probability": test.probabilities[np.arange(len(test.id)), test.predicted].round(4),
            "kinds": error_kinds.names(is_kind),
            "text": texts,
        }
    )
    return rows[test.wrong].sort_values(["probability", "id"], ascending=[False, True], ignore_index=True)


def with_words(errors: pd.DataFrame, scorer: TextScorer, names: list[str], most: int) -> pd.DataFrame:
    """Add a column `words`: the words that contributed most to each of the first `most` errors; empty for the rest."""
    first, ids = errors.head(most), {name: i for i, name in enumerate(names)}
    predicted, truth = (first[column].map(ids).to_numpy(dtype=np.int64) for column in ("prediction", "label"))
    contributions = scorer.words(first["text"].tolist(), predicted, truth)
    words = [" ".join(word for word, contribution in row if contribution > 0) for row in contributions]
    return errors.assign(words=words + [""] * (len(errors) - len(words)))


def all_slices(texts: pd.DataFrame, test: ScoredRows) -> pd.DataFrame:
    """Return the scores of the predefined slices (length, group, attributes), and of those found to stand out.

    texts: text, group and attribute.* of the test rows.
    """
    lengths = slices.length_bins(slices.word_counts(texts["text"]), slices.PREDEFINED_BINS)
    columns = pd.DataFrame({"length": lengths, "group": texts["group"]})
    columns = pd.concat([columns, texts.filter(like=ATTRIBUTE)], axis=1)
    predefined = slice_scores.scores_by_value(columns, test.label, test.predicted, test.unit)
    outliers = slice_scores.outliers(texts["text"].tolist(), test.label, test.predicted, test.unit)
    return pd.concat([predefined, outliers.assign(kind="found: " + outliers["kind"])], ignore_index=True)


def suspects(test: ScoredRows, texts: list[str], names: list[str]) -> pd.DataFrame:
    """Return the rows that are probably mislabelled: columns id, label, suggested, score, text. names: of labels."""
    rows = label_noise.suspects(test.id, test.label, test.probabilities)
    for column in ("label", "suggested"):
        rows[column] = np.array(names)[rows[column].to_numpy(dtype=np.int64)]
    text_of = dict(zip(test.id.tolist(), texts, strict=True))
    return rows.assign(score=rows["score"].round(4), text=rows["id"].map(text_of))


def tables(test: ScoredRows, inputs: Inputs, scorer: TextScorer, explained: int) -> dict[str, pd.DataFrame]:
    """Return every table by name. explained: errors whose influential words are computed."""
    labels, plain = inputs.labels, inputs.texts["text"].tolist()
    texts = annotated(plain, inputs.texts["annotation"])
    truncated = scorer.truncated(texts)
    doubted = suspects(test, texts, labels.names)
    is_kind = error_kinds.kinds(plain, truncated, np.isin(test.id, doubted["id"]), inputs.in_english)
    return {
        "errors": with_words(errors(test, texts, is_kind, labels.names), scorer, labels.names, explained),
        "error_kinds": error_kinds.summary(is_kind, test.wrong),
        "slices": all_slices(inputs.texts, test),
        "confusions": curves.worst_confusions(labels, test.label, test.predicted),
        "suspects": doubted,
    }
