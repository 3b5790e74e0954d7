"""Scores of slices, and that chance makes none of them stand out."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact
from sklearn.metrics import f1_score

from stages.evaluate import slice_scores, slices

RANDOM = np.random.default_rng(0)


def test_words_are_runs_of_letters_with_apostrophes_inside():
    assert slices.word_counts(["Don't stop -- now!", "", "naïve café 3"]).tolist() == [3, 0, 3]


@pytest.mark.parametrize(
    ("lengths", "names"),
    [
        ([1, 2, 3, 4], ["1 to 2 words", "1 to 2 words", "3 to 4 words", "3 to 4 words"]),
        ([5, 5, 5], ["5 words"] * 3),
        ([0], ["0 words"]),
        ([], []),
    ],
)
def test_lengths_are_binned_by_equal_numbers_of_rows(lengths, names):
    bins = slices.length_bins(np.array(lengths, dtype=int), 2).tolist()
    assert len(bins) == len(names)
    assert len(set(bins)) == len(set(names))
    for length, name in zip(lengths, bins, strict=True):
        numbers = [int(part) for part in name.split() if part.isdigit()]
        assert numbers[0] <= length <= numbers[-1]


def test_every_length_is_in_its_bin_and_bins_do_not_overlap():
    lengths = RANDOM.integers(1, 60, 1000)
    bins = slices.length_bins(lengths, 5)
    spans = [tuple(int(part) for part in name.split() if part.isdigit()) for name in bins]
    assert all(span[0] <= length <= span[-1] for span, length in zip(spans, lengths, strict=True))
    ordered = sorted(set(spans))
    assert len(ordered) == 5
    assert all(lower[-1] < upper[0] for lower, upper in itertools.pairwise(ordered))
    assert bins.value_counts().between(120, 280).all()


@pytest.mark.parametrize("labels", [2, 20])
def test_a_slice_is_scored_by_its_rows_only(labels):
    truth, predicted = RANDOM.integers(0, labels, 200), RANDOM.integers(0, labels, 200)
    group = pd.Series(["a"] * 60 + ["b"] * 100 + ["c"] * 19 + [None] * 21)
    scores = slice_scores.scores_by_value(pd.DataFrame({"group": group}), truth, predicted, np.arange(len(truth)))
    assert scores["name"].tolist() == ["b", "a"]  # the larger first; c has too few rows
    a = scores.set_index("name").loc["a"]
    assert (a["rows"], a["errors"]) == (60, (truth != predicted)[:60].sum())
    assert a["accuracy"] == pytest.approx((truth == predicted)[:60].mean())
    assert a["difference"] == pytest.approx((truth == predicted)[:60].mean() - (truth == predicted)[60:].mean())
    assert a["low"] < a["accuracy"] < a["high"]
    assert a["f1_macro"] == pytest.approx(f1_score(truth[:60], predicted[:60], average="macro"), abs=1e-12)


def test_the_largest_groups_are_slices_and_every_value_of_an_attribute():
    names = pd.Series([f"g{i:02}" for i in range(15)]).repeat(20).reset_index(drop=True)
    columns = pd.DataFrame({"group": names, "director": names})
    scores = slice_scores.scores_by_value(columns, np.zeros(300, dtype=int), np.zeros(300, dtype=int), np.arange(300))
    assert scores["kind"].value_counts().to_dict() == {"director": 15, "group": slices.GROUPS}
    assert (scores["p_adjusted"] == 1).all()


def test_lengths_are_sorted_by_length():
    lengths = pd.Series(["20 to 30 words"] * 40 + ["3 to 9 words"] * 30)
    ones = np.ones(70, dtype=int)
    scores = slice_scores.scores_by_value(pd.DataFrame({"length": lengths}), ones, ones, np.arange(len(ones)))
    assert scores["name"].tolist() == ["3 to 9 words", "20 to 30 words"]


def test_a_slice_of_all_rows_has_no_other_rows_to_differ_from():
    scores = slice_scores.scores_by_value(
        pd.DataFrame({"group": ["a"] * 30}), np.zeros(30, dtype=int), np.zeros(30, dtype=int), np.arange(30)
    )
    assert scores["difference"].isna().all()


@pytest.mark.parametrize("rows", [0, 1, 25])
def test_few_rows_or_no_columns_give_empty_tables(rows):
    ids = np.zeros(rows, dtype=int)
    assert slice_scores.scores_by_value(
        pd.DataFrame({"group": pd.Series([None] * rows, dtype=object)}), ids, ids, np.arange(rows)
    ).empty
    assert slice_scores.scores_by_value(pd.DataFrame(index=range(rows)), ids, ids, np.arange(rows)).empty
    scores = slice_scores.outliers([""] * rows, ids, ids, np.arange(rows))
    assert scores.empty
    assert scores.columns.tolist() == slice_scores.COLUMNS


def texts(random: np.random.Generator, rows: int) -> list[str]:
    vocabulary = np.array([f"word{i}" for i in range(60)])
    return [" ".join(random.choice(vocabulary, random.integers(3, 15))) for _ in range(rows)]


def test_a_word_in_any_case_and_a_length_with_many_errors_stand_out():
    random = np.random.default_rng(3)
    rows_texts = texts(random, 1500)
    truth = random.integers(0, 2, 1500)
    wrong = random.random(1500) < 0.1
    for i in range(0, 1500, 15):
        rows_texts[i] += " Planted" if i % 30 else " PLANTED"
        wrong[i] |= random.random() < 0.5
    long = slices.word_counts(rows_texts) >= 14
    wrong[long] |= random.random(long.sum()) < 0.4
    scores = slice_scores.outliers(rows_texts, truth, np.where(wrong, 1 - truth, truth), np.arange(len(truth)))
    planted = scores[scores["name"] == "planted"].iloc[0]
    assert (planted["kind"], planted["rows"]) == ("word", 100)
    assert planted["difference"] < -0.2
    assert any(scores["kind"] == "length")
    assert (scores["p_adjusted"] <= slice_scores.ALPHA).all()
    assert scores["p_adjusted"].is_monotonic_increasing
    # the order of rows does not matter
    order = random.permutation(1500)
    predicted = np.where(wrong, 1 - truth, truth)
    again = slice_scores.outliers([rows_texts[i] for i in order], truth[order], predicted[order], np.arange(len(truth)))
    pd.testing.assert_frame_equal(again, scores)


def test_random_errors_make_a_slice_stand_out_in_about_5_of_100_draws_at_most():
    random = np.random.default_rng(4)
    rows_texts = texts(random, 400)
    truth = np.zeros(400, dtype=int)
    called = sum(
        len(slice_scores.outliers(rows_texts, truth, (random.random(400) < 0.2).astype(int), np.arange(400))) > 0
        for _ in range(100)
    )
    assert called <= 10  # of 100 draws, 5 expected at most; 11 or more would come by chance in 1 case of 90


def test_the_p_value_is_that_of_fishers_exact_test():
    wrong = np.arange(300) < 45
    p = slice_scores.adjusted_p_values(np.array([40]), np.array([15]), np.array([40]), wrong.mean(), len(wrong))
    tails = [fisher_exact([[15, 25], [30, 230]], alternative=side).pvalue for side in ("less", "greater")]
    assert p == pytest.approx(2 * min(tails))
    assert (
        slice_scores.adjusted_p_values(np.array([40, 50]), np.array([0, 0]), np.array([40, 50]), 0.0, len(wrong)) == 1
    ).all()


def test_dependent_rows_of_groups_do_not_make_an_attribute_stand_out():
    """40 groups of 25 rows with an error rate each, and an attribute of the group that is independent of it."""
    random, called = np.random.default_rng(0), 0
    unit, truth = np.repeat(np.arange(40), 25), np.zeros(1000, dtype=int)
    for _ in range(100):
        rate = random.choice([0.05, 0.6], 40)[unit]
        predicted = (random.random(1000) < rate).astype(int)
        columns = pd.DataFrame({"kind": random.choice(["a", "b"], 40)[unit]})
        called += (slice_scores.scores_by_value(columns, truth, predicted, unit)["p_adjusted"] <= 0.05).any()
    assert called <= 10


def test_words_are_counted_in_scripts_without_spaces_and_with_their_marks():
    texts = ["it's a warm, funny film", "这部电影很好看", "फिल्म बहुत अच्छी है", "🎬🎬", ""]
    assert slices.word_counts(texts).tolist() == [5, 7, 4, 0, 0]
    found = slices.words_and_lengths(["फिल्म अच्छी"] * 20 + ["film"] * 30)
    assert {name for kind, name in zip(found.kinds, found.names, strict=True) if kind == "word"} == {"फिल्म", "अच्छी"}
