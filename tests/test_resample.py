"""Balancing: the right rows, the training rows only."""

import json
import math

import pandas as pd
import pytest

from stages.resample import resample, targets
from strata.base import tables
from strata.base.errors import StrataError
from strata.prior import read_prior_shift
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
