"""Balancing: the right rows, the training rows only."""

import itertools
import json
import math
from random import Random

import numpy as np
import pandas as pd
import pytest

from stages.resample.balance import resample, targets
from stages.resample.share import rows_of_share
from strata.base import tables
from strata.base.errors import StrataError
from strata.prior import read_prior_shift
from strata.text.changes import KINDS, case, changed, drop, swap, typo
from tests.conftest import reviews, write_csv

ROWS = pd.DataFrame({"id": range(12), "text": "x", "label": [0] * 8 + [1] * 4, "group": None, "annotation": None})


@pytest.mark.parametrize(
    ("strategy", "factors", "counts"),
    [
        ("none", [], [8, 4]),
        ("undersample", [], [4, 4]),
        ("oversample", [], [8, 8]),
        ("factors", [0.5, 2.5], [4, 10]),
        ("factors", [0.01, 1], [1, 4]),
    ],
)
def test_each_strategy_reaches_its_counts(strategy, factors, counts):
    assert targets([8, 4], strategy, factors) == counts
    drawn = resample(ROWS, counts, seed=1)
    assert drawn["label"].value_counts().sort_index().tolist() == counts


def test_oversampling_repeats_every_row_equally_often_under_its_id():
    drawn = resample(ROWS, [8, 10], seed=1)
    times = drawn[drawn["label"] == 1]["id"].value_counts()
    assert set(times.index) == {8, 9, 10, 11}
    assert sorted(times) == [2, 2, 3, 3]


def test_undersampling_draws_without_repetition_by_the_seed():
    drawn = resample(ROWS, [4, 4], seed=1)
    assert drawn["id"].is_unique
    assert drawn.equals(resample(ROWS, [4, 4], seed=1))
    assert not drawn.equals(resample(ROWS, [4, 4], seed=2))


def test_validation_and_test_stay_untouched(project):
    write_csv(project.raw("reviews.csv"), [row for i, row in enumerate(reviews(120)) if row[1] == "neg" or i % 3])
    project.params(resample={"strategy": "oversample"})
    project.run("ingest", "standardize", "split")
    before = {path: path.read_bytes() for path in (project.root / "data/split").iterdir()}
    project.run("resample")
    assert {path: path.read_bytes() for path in (project.root / "data/split").iterdir()} == before
    assert {path.name for path in (project.root / "data/resample").iterdir()} == {"train.parquet", "prior.json"}
    labels = tables.read(project.root / "data/resample/train.parquet")["label"].value_counts()
    assert labels[0] == labels[1]


def test_factors_are_taken_by_label_name(project):
    project.params(resample={"strategy": "factors", "factors": {"positive": 2.0, "negative": 0.5}})
    project.run("ingest", "standardize", "split", "resample")
    labels = tables.read(project.root / "data/resample/train.parquet")["label"].value_counts()
    assert labels.to_dict() == {1: 84, 0: 21}


def test_counts_are_taken_by_label_name_and_the_shift_is_written(project):
    project.params(resample={"strategy": "counts", "counts": {"negative": 10, "positive": 90}})
    project.run("ingest", "standardize", "split", "resample")
    metrics = json.loads((project.root / "metrics/resample.json").read_text())
    assert metrics == {"before": {"negative": 42, "positive": 42}, "after": {"negative": 10, "positive": 90}}
    prior = read_prior_shift(project.root / "data/resample/prior.json")
    assert prior.training[0] - prior.training[1] == pytest.approx(math.log(9))
    assert prior.resampling.tolist() == prior.training.tolist()


def test_class_weights_shift_only_the_prior_of_training(project):
    project.params(train={"class_weights": {"negative": 1.0, "positive": 3.0}})
    project.run("ingest", "standardize", "split", "resample")
    prior = read_prior_shift(project.root / "data/resample/prior.json")
    assert prior.resampling.tolist() == [0, 0]
    assert prior.training[0] - prior.training[1] == pytest.approx(math.log(3))
    assert prior.training_rows.tolist() == prior.training.tolist()


def test_the_rows_that_undersampling_keeps_have_their_own_prior(project):
    write_csv(project.raw("reviews.csv"), [row for i, row in enumerate(reviews(120)) if row[1] == "neg" or i % 3])
    project.params(resample={"strategy": "undersample"})
    project.run("ingest", "standardize", "split", "resample")
    prior = read_prior_shift(project.root / "data/resample/prior.json")
    assert prior.training[0] > 0  # negative rows are more frequent than training saw
    assert prior.training_rows.tolist() == [0, 0]  # and as frequent among the rows that it saw


def test_a_label_without_rows_is_named(project):
    project.run("ingest", "standardize", "split")
    path = project.root / "data/split/train.parquet"
    rows = tables.read(path)
    tables.write_frame(path, rows[rows["label"] == 0])
    with pytest.raises(
        StrataError, match=r"data/split/train.parquet: no row of label positive, so it cannot be balanced"
    ):
        project.run("resample")


def augmented(project, **changes) -> pd.DataFrame:
    project.params(resample={"augment": 2, **changes})
    project.run("resample")
    return tables.read(project.root / "data/resample/train.parquet")


def test_each_training_row_has_changed_copies_under_its_id_and_label_after_itself(project):
    project.recipe(annotate=["director"])
    rows = [(text, label, f"Director {i % 3}") for i, (text, label) in enumerate(reviews(120))]
    write_csv(project.raw("reviews.csv"), rows, ("text", "label", "director"))
    project.run("ingest", "standardize", "split")
    before = {path: path.read_bytes() for path in (project.root / "data/split").iterdir()}
    plain = tables.read(project.root / "data/split/train.parquet").set_index("id")
    rows = augmented(project)
    assert {path: path.read_bytes() for path in (project.root / "data/split").iterdir()} == before
    assert rows["id"].value_counts().eq(3).all()
    first = rows.drop_duplicates("id").set_index("id")
    assert first.equals(plain.sort_index()[first.columns]), "the row itself is the first"
    copies = rows[rows.duplicated("id")]
    assert (copies["label"] == plain.loc[copies["id"], "label"].to_numpy()).all()
    assert (copies["annotation"] == plain.loc[copies["id"], "annotation"].to_numpy()).all()
    assert (copies["text"] != plain.loc[copies["id"], "text"].to_numpy()).mean() > 0.9
    assert copies.groupby("id")["text"].nunique().eq(2).mean() > 0.9, "the copies of a row differ"
    metrics = json.loads((project.root / "metrics/resample.json").read_text())
    assert sum(metrics["after"].values()) * 2 == metrics["changed_copies"] == len(copies)
    assert augmented(project).equals(rows)


def test_changed_copies_depend_on_the_seed_and_shift_no_prior(project):
    project.run("ingest", "standardize", "split")
    first = augmented(project, strategy="undersample")
    prior = read_prior_shift(project.root / "data/resample/prior.json")
    assert not augmented(project, augment=0).duplicated("id").any()
    assert read_prior_shift(project.root / "data/resample/prior.json").training.tolist() == prior.training.tolist()
    project.params(seed=7, split={"method": "stable"})
    assert not augmented(project, augment=2)["text"].equals(first["text"])


def test_repeated_rows_have_copies_of_their_own(project):
    project.run("ingest", "standardize", "split")
    rows = augmented(project, strategy="factors", factors={"negative": 2.0, "positive": 1.0}, augment=1)
    of_one = rows[rows["id"] == rows[rows["label"] == 0]["id"].iloc[0]]["text"].tolist()
    assert of_one[0] == of_one[1] != of_one[2] != of_one[3] != of_one[0]


def test_a_copy_is_cleaned_as_the_texts_of_users_are(project):
    project.recipe(clean=["lowercase", "whitespace"])
    project.run("ingest", "standardize", "split")
    rows = augmented(project, augment_changes=["case", "typo"])
    assert rows["text"].str.islower().all()


def test_evaluate_and_the_masked_objective_see_each_row_once_and_unchanged(project):
    from strata.model.tokens import read_tokens

    project.run("ingest", "standardize", "split", "resample", "tokenize")
    plain = read_tokens(project.root / "data/tokenize/train").distinct()
    augmented(project)
    project.run("tokenize")
    rows = read_tokens(project.root / "data/tokenize/train")
    assert len(rows.id) == 3 * len(plain.id)
    assert [ids.tolist() for ids in rows.distinct().input_ids] == [ids.tolist() for ids in plain.input_ids]
    assert rows.distinct().id.tolist() == plain.id.tolist()
    project.run("baseline")  # it is fitted on the copies, too


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_change_leaves_words_and_is_repeatable(kind):
    rng, texts = (
        Random(0),
        ["good", "", "a b", "好电影不错啊", "यह फ़िल्म अच्छी है", "Ça, c'est très bien!", "ok 👍", "x" * 300],
    )
    texts += [text for text, _ in reviews(40)]
    for text in texts:
        for _ in range(20):
            seed = rng.random()
            result = KINDS[kind](text, Random(seed))
            assert result == KINDS[kind](text, Random(seed))
            assert result is None or (
                result != text and result.strip() and len(result.split()) >= len(text.split()) - 1
            )


def test_each_kind_of_change_does_what_it_says():
    assert {typo("plot", Random(i)) for i in range(50)} == {"polt", "pot", "pllot"}
    assert case("good", Random(0)) == "GOOD"
    assert case("电影", Random(0)) is None
    assert {drop("one two three", Random(i)) for i in range(30)} == {"two three", "one three", "one two"}
    assert drop("one two", Random(0)) is None
    assert {swap("a, b c", Random(i)) for i in range(30)} == {"b a, c", "a, c b"}
    assert {swap("好电", Random(i)) for i in range(3)} == {"电好"}


def test_a_long_text_has_about_one_change_in_ten_words():
    text = " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(100))
    result = changed(text, ["case"], Random(1))
    words = [one != other for one, other in zip(text.split(), result.split(), strict=True)]
    assert 6 <= sum(words) <= 10
    assert changed("...", list(KINDS), Random(1)) == "..."


def of_share(rows: pd.DataFrame, unit: np.ndarray, share: float, seed: int = 1) -> set[int]:
    return set(rows_of_share(rows, unit, share, seed)["id"])


def test_a_share_has_each_labels_share_and_lies_within_a_larger_one():
    rows = pd.DataFrame({"id": range(1000), "label": [0] * 700 + [1] * 280 + [2] * 20})
    shares = (0.01, 0.1, 0.25, 0.5, 0.999, 1.0)
    kept = [of_share(rows, rows["id"].to_numpy(), share) for share in shares]
    assert all(smaller <= larger for smaller, larger in itertools.pairwise(kept))
    counts = [np.bincount(rows["label"][sorted(ids)], minlength=3).tolist() for ids in kept]
    assert counts == [[7, 3, 1], [70, 28, 2], [175, 70, 5], [350, 140, 10], [699, 280, 20], [700, 280, 20]]
    assert kept[1] != of_share(rows, rows["id"].to_numpy(), 0.1, seed=2)


def test_a_share_keeps_copies_and_groups_together():
    rows = pd.DataFrame({"id": range(300), "label": [0, 1, 1] * 100})
    unit = np.arange(300) // 5
    for share in (0.1, 0.5):
        ids = of_share(rows, unit, share)
        assert abs(len(ids) / 300 - share) < 0.03
        assert {i for i in range(300) if unit[i] in unit[sorted(ids)]} == ids


def test_training_on_a_share_uses_its_rows_and_shifts_no_prior(project):
    project.params(resample={"share": 0.25, "augment": 1})
    project.run("ingest", "standardize", "split", "resample")
    rows = tables.read(project.root / "data/resample/train.parquet")
    assert rows["id"].nunique() == 22  # of 84: 10.5 of each label, rounded
    assert read_prior_shift(project.root / "data/resample/prior.json").training.tolist() == [0, 0]
    metrics = json.loads((project.root / "metrics/resample.json").read_text())
    assert metrics["before"] == metrics["after"] == {"negative": 11, "positive": 11}
