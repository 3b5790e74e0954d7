"""Scores by slice, given and found, and that chance finds none."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact
from sklearn.metrics import f1_score

from stages.evaluate import slices

RANDOM = np.random.default_rng(0)


def test_words_are_runs_of_letters_with_apostrophes_inside():
    assert slices.words(["Don't stop -- now!", "", "naïve café 3"]).tolist() == [3, 0, 3]


@pytest.mark.parametrize(
    ("lengths", "named"),
    [
        ([1, 2, 3, 4], ["1 to 2 words", "1 to 2 words", "3 to 4 words", "3 to 4 words"]),
        ([5, 5, 5], ["5 words"] * 3),
        ([0], ["0 words"]),
        ([], []),
    ],
)
def test_lengths_fall_into_bins_of_like_size(lengths, named):
    found = slices.length_bins(np.array(lengths, dtype=int), 2).tolist()
    assert len(found) == len(named)
    assert len(set(found)) == len(set(named))
    for length, name in zip(lengths, found, strict=True):
        numbers = [int(part) for part in name.split() if part.isdigit()]
        assert numbers[0] <= length <= numbers[-1]


def test_every_length_is_inside_the_bin_that_names_it_and_bins_do_not_overlap():
    lengths = RANDOM.integers(1, 60, 1000)
    found = slices.length_bins(lengths, 5)
    spans = [tuple(int(part) for part in name.split() if part.isdigit()) for name in found]
    assert all(span[0] <= length <= span[-1] for span, length in zip(spans, lengths, strict=True))
    ordered = sorted(set(spans))
    assert len(ordered) == 5
    assert all(one[-1] < other[0] for one, other in itertools.pairwise(ordered))
    assert found.value_counts().between(120, 280).all()


@pytest.mark.parametrize("labels", [2, 20])
def test_a_given_slice_is_scored_by_its_rows_alone(labels):
    truth, predicted = RANDOM.integers(0, labels, 200), RANDOM.integers(0, labels, 200)
    group = pd.Series(["a"] * 60 + ["b"] * 100 + ["c"] * 19 + [None] * 21)
    found = slices.given(pd.DataFrame({"group": group}), truth, predicted, np.arange(len(truth)))
    assert found["name"].tolist() == ["b", "a"]  # the larger first, c has too few rows
    a = found.set_index("name").loc["a"]
    assert (a["rows"], a["errors"]) == (60, (truth != predicted)[:60].sum())
    assert a["accuracy"] == pytest.approx((truth == predicted)[:60].mean())
    assert a["difference"] == pytest.approx((truth == predicted)[:60].mean() - (truth == predicted)[60:].mean())
    assert a["low"] < a["accuracy"] < a["high"]
    assert a["f1_macro"] == pytest.approx(f1_score(truth[:60], predicted[:60], average="macro"), abs=1e-12)


def test_of_many_groups_the_largest_are_slices_and_all_values_of_a_column():
    names = pd.Series([f"g{i:02}" for i in range(15)]).repeat(20).reset_index(drop=True)
    columns = pd.DataFrame({"group": names, "director": names})
    found = slices.given(columns, np.zeros(300, dtype=int), np.zeros(300, dtype=int), np.arange(300))
    assert found["kind"].value_counts().to_dict() == {"director": 15, "group": slices.GROUPS}
    assert (found["p_adjusted"] == 1).all()


def test_lengths_stand_in_their_own_order():
    lengths = pd.Series(["20 to 30 words"] * 40 + ["3 to 9 words"] * 30)
    ones = np.ones(70, dtype=int)
    found = slices.given(pd.DataFrame({"length": lengths}), ones, ones, np.arange(len(ones)))
    assert found["name"].tolist() == ["3 to 9 words", "20 to 30 words"]


def test_a_slice_of_all_rows_has_no_rest():
    found = slices.given(
        pd.DataFrame({"group": ["a"] * 30}), np.zeros(30, dtype=int), np.zeros(30, dtype=int), np.arange(30)
    )
    assert found["difference"].isna().all()


@pytest.mark.parametrize("rows", [0, 1, 25])
def test_few_rows_and_no_columns_give_empty_tables(rows):
    ids = np.zeros(rows, dtype=int)
    assert slices.given(
        pd.DataFrame({"group": pd.Series([None] * rows, dtype=object)}), ids, ids, np.arange(rows)
    ).empty
    assert slices.given(pd.DataFrame(index=range(rows)), ids, ids, np.arange(rows)).empty
    found = slices.found([""] * rows, ids, ids, np.arange(rows))
    assert found.empty
    assert found.columns.tolist() == slices.COLUMNS


def texts(random: np.random.Generator, rows: int) -> list[str]:
    vocabulary = np.array([f"word{i}" for i in range(60)])
    return [" ".join(random.choice(vocabulary, random.integers(3, 15))) for _ in range(rows)]


def test_a_word_and_a_length_that_fail_are_found_whatever_their_case():
    random = np.random.default_rng(3)
    made = texts(random, 1500)
    truth = random.integers(0, 2, 1500)
    wrong = random.random(1500) < 0.1
    for i in range(0, 1500, 15):
        made[i] += " Planted" if i % 30 else " PLANTED"
        wrong[i] |= random.random() < 0.5
    long = slices.words(made) >= 14
    wrong[long] |= random.random(long.sum()) < 0.4
    found = slices.found(made, truth, np.where(wrong, 1 - truth, truth), np.arange(len(truth)))
    planted = found[found["name"] == "planted"].iloc[0]
    assert (planted["kind"], planted["rows"]) == ("word", 100)
    assert planted["difference"] < -0.2
    assert any(found["kind"] == "length")
    assert (found["p_adjusted"] <= slices.SURE).all()
    assert found["p_adjusted"].is_monotonic_increasing
    # the order of rows decides nothing
    order = random.permutation(1500)
    predicted = np.where(wrong, 1 - truth, truth)
    again = slices.found([made[i] for i in order], truth[order], predicted[order], np.arange(len(truth)))
    pd.testing.assert_frame_equal(again, found)


def test_errors_by_chance_give_a_slice_in_about_5_of_100_draws_at_most():
    random = np.random.default_rng(4)
    made = texts(random, 400)
    truth = np.zeros(400, dtype=int)
    called = sum(
        len(slices.found(made, truth, (random.random(400) < 0.2).astype(int), np.arange(400))) > 0 for _ in range(100)
    )
    assert called <= 10  # of 100 draws, 5 expected at most; 11 or more would come by chance in 1 case of 90


def test_the_p_value_is_fishers_exact_one():
    wrong = np.arange(300) < 45
    found = slices.adjusted(np.array([40]), np.array([15]), np.array([40]), wrong, len(wrong))
    tails = [fisher_exact([[15, 25], [30, 230]], alternative=side).pvalue for side in ("less", "greater")]
    assert found == pytest.approx(2 * min(tails))
    assert (
        slices.adjusted(np.array([40, 50]), np.array([0, 0]), np.array([40, 50]), wrong & False, len(wrong)) == 1
    ).all()


def test_groups_that_stand_or_fall_together_do_not_make_an_attribute_stand_out():
    """40 groups of 25 rows, an attribute of the group that has nothing to do with its errors."""
    random, called = np.random.default_rng(0), 0
    unit, truth = np.repeat(np.arange(40), 25), np.zeros(1000, dtype=int)
    for _ in range(100):
        rate = random.choice([0.05, 0.6], 40)[unit]
        predicted = (random.random(1000) < rate).astype(int)
        columns = pd.DataFrame({"kind": random.choice(["a", "b"], 40)[unit]})
        called += (slices.given(columns, truth, predicted, unit)["p_adjusted"] <= 0.05).any()
    assert called <= 10
