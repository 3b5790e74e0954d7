"""The baselines that a transformer must beat."""

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
    metrics = json.loads((tokenized.root / "metrics/baseline.json").read_text())
    assert set(metrics) == {"majority", "tfidf"}
    assert set(NAMES) <= set(metrics["tfidf"])
    assert metrics["majority"]["accuracy"] == 0.5
    assert metrics["tfidf"]["accuracy"] > 0.9
    rows = tables.read(tokenized.root / "data/split/test.parquet")
    saved = tables.read(tokenized.root / "data/baseline/predictions.parquet")
    assert saved["id"].tolist() == rows["id"].tolist()
    correct = np.stack(saved["tfidf"]).argmax(axis=1) == rows["label"]
    assert correct.mean() == metrics["tfidf"]["accuracy"]
    interval = metrics["tfidf"]["interval"]["accuracy"]
    assert interval["low"] <= metrics["tfidf"]["accuracy"] <= interval["high"]
    assert metrics["majority"]["validation"]["rows"] == 12


def test_the_majority_class_is_that_before_resampling(project):
    rows = [row for i, row in enumerate(reviews(200)) if row[1] == "pos" or i % 10 == 0]
    write_csv(project.raw("reviews.csv"), rows)
    project.params(resample={"strategy": "undersample"})
    project.run("ingest", "standardize", "split", "resample", "baseline")
    metrics = json.loads((project.root / "metrics/baseline.json").read_text())["majority"]
    assert metrics["accuracy"] > 0.8
    assert metrics["recall"] == 1


def test_tfidf_probabilities_have_the_natural_prior():
    """All texts are equal, so the prior is the only information."""
    natural = pd.DataFrame({"text": ["a word here"] * 100, "annotation": None, "label": [0] * 95 + [1] * 5})
    balanced = natural.iloc[90:]
    shift = prior_shift(np.array([95, 5]), np.array([5, 5]))
    probabilities = baselines(natural, balanced, {"test": natural}, shift, Baseline(ngram_max=1, min_df=1, c=1.0))
    assert probabilities["tfidf"]["test"][0] == pytest.approx([0.95, 0.05], abs=1e-3)


def test_the_error_names_a_min_df_above_the_number_of_rows(project):
    project.params(baseline={"min_df": 1000})
    project.run("ingest", "standardize", "split", "resample")
    with pytest.raises(StrataError, match=r"TF-IDF finds no words in 84 training rows .*; lower baseline.min_df"):
        project.run("baseline")
