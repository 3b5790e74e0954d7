"""Balancing: the right rows, the training rows only."""

import json
import math

import pandas as pd
import pytest

from stages.resample import resample, targets
from strata.base import tables
from strata.base.errors import StrataError
from tests.conftest import reviews, write_csv

ROWS = pd.DataFrame({"id": range(12), "text": "x", "label": [0] * 8 + [1] * 4, "group": None})


@pytest.mark.parametrize(
    ("strategy", "factors", "wanted"),
    [
        ("none", [], [8, 4]),
        ("undersample", [], [4, 4]),
        ("oversample", [], [8, 8]),
        ("factors", [0.5, 2.5], [4, 10]),
        ("factors", [0.01, 1], [1, 4]),
    ],
)
def test_each_strategy_reaches_its_counts(strategy, factors, wanted):
    assert targets([8, 4], strategy, factors) == wanted
    drawn = resample(ROWS, wanted, seed=1)
    assert drawn["label"].value_counts().sort_index().tolist() == wanted


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
    assert [path.name for path in (project.root / "data/resample").iterdir()] == ["train.parquet"]
    labels = tables.read(project.root / "data/resample/train.parquet")["label"].value_counts()
    assert labels[0] == labels[1]


def test_factors_are_taken_by_label_name(project):
    project.params(resample={"strategy": "factors", "factors": {"positive": 2.0, "negative": 0.5}})
    project.run("ingest", "standardize", "split", "resample")
    labels = tables.read(project.root / "data/resample/train.parquet")["label"].value_counts()
    assert labels.to_dict() == {1: 84, 0: 21}


def test_counts_are_taken_by_label_name_and_the_prior_is_told(project):
    project.params(resample={"strategy": "counts", "counts": {"negative": 10, "positive": 90}})
    project.run("ingest", "standardize", "split", "resample")
    metrics = json.loads((project.root / "metrics/resample.json").read_text())
    assert metrics["after"] == {"negative": 10, "positive": 90}
    assert metrics["prior"]["share_before"] == {"negative": 0.5, "positive": 0.5}
    assert metrics["prior"]["share_after"] == {"negative": 0.1, "positive": 0.9}
    assert metrics["prior"]["log_shift"]["negative"] == pytest.approx(math.log(0.2), abs=1e-6)


def test_a_label_without_rows_is_named(project):
    project.run("ingest", "standardize", "split")
    path = project.root / "data/split/train.parquet"
    rows = tables.read(path)
    tables.write_frame(path, rows[rows["label"] == 0])
    with pytest.raises(
        StrataError, match=r"data/split/train.parquet: no row of label positive, and nothing to balance"
    ):
        project.run("resample")
