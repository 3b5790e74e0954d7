"""The floor that a transformer has to beat."""

import json

import pytest

from stages.shared.command import StageError
from stages.shared.scores import NAMES


def test_both_baselines_are_scored_on_the_test_rows(tokenized):
    tokenized.run("baseline")
    found = json.loads((tokenized.root / "metrics/baseline.json").read_text())
    assert set(found) == {"majority", "tfidf"}
    assert set(NAMES) <= set(found["tfidf"])
    assert found["majority"]["accuracy"] == 0.5
    assert found["tfidf"]["accuracy"] > 0.9


def test_min_df_beyond_the_rows_is_named(project):
    project.params(baseline={"min_df": 1000})
    project.run("ingest", "standardize", "split", "resample")
    with pytest.raises(StageError, match=r"TF-IDF finds no words in 84 training rows .*; lower baseline.min_df"):
        project.run("baseline")
