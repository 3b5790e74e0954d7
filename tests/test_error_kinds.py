"""The kinds of errors that a rule tells, and how they are counted."""

import numpy as np
import pytest

from stages.evaluate import error_kinds

PLAIN = "the actors speak their lines in a room"


def told(texts, truth=None, model=None, tfidf=None, truncated=None, labels=2):
    rows = len(texts)
    even = np.full((rows, labels), 1 / labels)
    return error_kinds.kinds(
        texts,
        np.zeros(rows, dtype=bool) if truncated is None else np.array(truncated, dtype=bool),
        np.zeros(rows, dtype=int) if truth is None else np.array(truth),
        even if model is None else np.array(model),
        even if tfidf is None else np.array(tfidf),
    )


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Good.", "very_short"),
        ("one two three four", "very_short"),
        ("one two three four five", "other"),
        ("", "very_short"),
        ("BUT the actors speak in a room", "contrast"),
        ("the butler speaks in a yeti costume", "other"),
        ("the actors don't speak in a room", "negation"),
        ("the actors don\u2019t speak in a room", "negation"),
        ("the actors do n't speak in a room", "negation"),
        ("the notable actors speak of another knot", "other"),
        ("it is sort of a room", "hedged"),
        ("though it seems not to be a room", "contrast, negation, hedged"),
        (PLAIN, "other"),
    ],
)
def test_words_tell_the_kind(text, kinds):
    assert error_kinds.named(told([text])) == [kinds]


def test_a_text_that_was_cut_is_truncated():
    assert error_kinds.named(told([PLAIN, PLAIN], truncated=[True, False])) == ["truncated", "other"]


@pytest.mark.parametrize("labels", [2, 20])
def test_mislabelled_is_what_both_models_deny_with_confidence(labels):
    def shares(label, probability):
        row = np.full(labels, (1 - probability) / (labels - 1))
        row[label] = probability
        return row

    sure, unsure = shares(1, 0.9), shares(1, 0.7)
    model, tfidf = [sure, sure, unsure, sure, shares(0, 0.9)], [sure, unsure, sure, sure, sure]
    found = told([PLAIN] * 5, [0, 0, 0, 1, 0], model, tfidf, labels=labels)
    # the others: TF-IDF unsure, the model unsure, the label is theirs, the model has another opinion
    assert found["probably_mislabelled"].tolist() == [True, False, False, False, False]
    if labels > 2:
        other = told([PLAIN], [0], [shares(1, 0.9)], [shares(2, 0.9)], labels=labels)
        assert not other["probably_mislabelled"].any()


def test_a_kind_is_counted_among_errors_and_among_all_rows():
    found = told(["Good.", "Bad.", PLAIN, "but " + PLAIN])
    counted = error_kinds.summary(found, np.array([True, False, False, True])).set_index("kind")
    assert tuple(counted.index) == error_kinds.KINDS
    short = counted.loc["very_short"]
    assert short.to_dict() == {
        "errors": 1,
        "share_of_errors": 0.5,
        "rows": 2,
        "share_of_rows": 0.5,
        "error_rate": 0.5,
    }
    assert counted.loc["other", "errors"] == 0
    assert counted.loc["truncated", "error_rate"] == 0


@pytest.mark.parametrize("rows", [0, 1])
def test_no_errors_and_no_rows_count_nothing(rows):
    counted = error_kinds.summary(told([PLAIN] * rows), np.zeros(rows, dtype=bool))
    assert counted["errors"].tolist() == [0] * len(error_kinds.KINDS)
    assert counted["share_of_errors"].tolist() == [0.0] * len(error_kinds.KINDS)
