"""The floor that a transformer has to beat."""

import json

import numpy as np
import pandas as pd
import pytest

from stages.baseline import baselines
from strata.base import tables
from strata.base.errors import StrataError
from strata.prior import prior_shift
from strata.scoring import NAMES
from strata.settings.params import Baseline
from tests.conftest import reviews, write_csv


def test_both_baselines_are_scored_on_the_test_rows(tokenized):
    tokenized.run("baseline")
    found = json.loads((tokenized.root / "metrics/baseline.json").read_text())
    assert set(found) == {"majority", "tfidf"}
    assert set(NAMES) <= set(found["tfidf"])
    assert found["majority"]["accuracy"] == 0.5
    assert found["tfidf"]["accuracy"] > 0.9
    rows = tables.read(tokenized.root / "data/split/test.parquet")
    saved = tables.read(tokenized.root / "data/baseline/predictions.parquet")
    assert saved["id"].tolist() == rows["id"].tolist()
    right = np.stack(saved["tfidf"]).argmax(axis=1) == rows["label"]
    assert right.mean() == found["tfidf"]["accuracy"]
    ends = found["tfidf"]["interval"]["accuracy"]
    assert ends["low"] <= found["tfidf"]["accuracy"] <= ends["high"]
    assert found["majority"]["validation"]["rows"] == 12


def test_the_majority_is_that_of_the_rows_before_resampling(project):
    rows = [row for i, row in enumerate(reviews(200)) if row[1] == "pos" or i % 10 == 0]
    write_csv(project.raw("reviews.csv"), rows)
    project.params(resample={"strategy": "undersample"})
    project.run("ingest", "standardize", "split", "resample", "baseline")
    found = json.loads((project.root / "metrics/baseline.json").read_text())["majority"]
    assert found["accuracy"] > 0.8
    assert found["recall"] == 1


def test_tf_idf_gets_the_natural_shares_back():
    """Of words that say nothing, balanced: the rows' own label is all that there is to know."""
    natural = pd.DataFrame({"text": ["a word here"] * 100, "annotation": None, "label": [0] * 95 + [1] * 5})
    balanced = natural.iloc[90:]
    shift = prior_shift(np.array([95, 5]), np.array([5, 5]))
    found = baselines(natural, balanced, {"test": natural}, shift, Baseline(ngram_max=1, min_df=1, c=1.0))
    assert found["tfidf"]["test"][0] == pytest.approx([0.95, 0.05], abs=1e-3)


def test_min_df_beyond_the_rows_is_named(project):
    project.params(baseline={"min_df": 1000})
    project.run("ingest", "standardize", "split", "resample")
    with pytest.raises(StrataError, match=r"TF-IDF finds no words in 84 training rows .*; lower baseline.min_df"):
        project.run("baseline")
