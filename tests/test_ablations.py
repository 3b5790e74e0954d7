"""The benchmark of settings for few labels: which runs are compared, and on which rows."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.ablations import __main__ as ablations
from benchmarks.ablations import folds
from strata.labels import Labels
from strata.sweeping.trial import Scored
from tests.conftest import Project


def run_of(right: list[bool]) -> Scored:
    """Make a run of two labels that is right on these rows."""
    p = np.where(right, 0.9, 0.1)
    ids = np.arange(len(right))
    rows = pd.DataFrame({"id": ids, "label": 0, "probabilities": list(np.stack([p, 1 - p], axis=1)), "unit": ids})
    rows.loc[0, "label"] = 1
    rows.at[0, "probabilities"] = np.array([0.1, 0.9])
    return Scored(rows, Labels(["no", "yes"], "yes"), 6.0, [])


def test_two_arms_are_compared_row_by_row():
    result = ablations.comparison(run_of([True] * 90 + [False] * 10), run_of([True] * 70 + [False] * 30))
    gap = result["accuracy_difference"]
    assert gap["difference"] == pytest.approx(0.2)
    assert 0.1 < gap["low"] < 0.2 < gap["high"] < 0.3
    assert result["log_loss_difference"]["difference"] < 0
    assert result["times_the_compute"] == 1


def test_each_arm_names_an_earlier_one_to_be_compared_with_and_changes_known_settings(shipped):
    from strata.settings.overrides import check_keys
    from strata.settings.yaml_loader import read_yaml

    names = list(ablations.ARMS)
    for i, arm in enumerate(ablations.ARMS.values()):
        check_keys(arm.settings, read_yaml(shipped / "params.yaml"), "ablations")
        assert arm.beside is None or arm.beside in names[:i]
    assert ablations.needed(["min_steps"]) == ["off", "min_steps"]


@pytest.mark.slow
def test_an_arm_is_scored_on_the_validation_rows_of_all_folds_and_on_no_test_row(project: Project):
    from strata.base import tables

    project.params(split={"validation_folds": 2}, train={"epochs": 1})
    project.run("ingest", "standardize", "split")
    scored = folds.joined([folds.of_fold(project.root, "sample", {"train.min_steps": 4}, fold) for fold in range(2)])
    names = ("train", "validation", "test")
    split = {name: set(tables.read(project.root / f"data/split/{name}.parquet")["id"]) for name in names}
    assert set(scored.rows["id"]) == split["train"] | split["validation"]
    assert scored.rows["id"].is_unique
    assert not set(scored.rows["id"]) & split["test"]


def test_the_table_has_a_line_for_each_arm():
    arms = {"off": {"accuracy": 0.7}, "min_steps": {"accuracy": 0.9, "beside": "off"}}
    arms["min_steps"] |= ablations.comparison(run_of([True] * 90 + [False] * 10), run_of([True] * 70 + [False] * 30))
    lines = ablations.table({"sets": {"office": {"arms": arms}}}).splitlines()
    assert lines[2] == "| office | off |  | 0.700 |  |  |  |"
    assert lines[3].startswith("| office | min_steps | off | 0.900 | +20.0 (+1")
