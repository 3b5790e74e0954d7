"""What helps training on few rows: a minimum number of steps."""

import numpy as np

from stages.train.plan import plan
from strata.settings.params import Train
from strata.settings.yaml_loader import parse_yaml
from tests.conftest import committed
from tests.test_train import copy, curve  # noqa: F401, the fixture of that name


def settings(**changes) -> Train:
    return Train.model_validate(parse_yaml(committed("params.yaml"))["train"] | {"min_steps": None} | changes)


def test_few_rows_get_whole_passes_until_there_are_enough_steps():
    lengths = np.full(50, 8)
    asked = settings(epochs=2, batch_size=16, evaluations_per_epoch=2, min_steps=30)
    planned = plan(lengths, 1, asked, "cpu")
    assert planned.steps == 32, "8 passes of 4 steps"
    counts = np.bincount(np.concatenate([part for step in planned.batches for part in step]))
    assert set(counts) == {8}, "every row is seen equally often"
    assert planned.evaluations == {8, 16, 24, 32}, "as many as two passes alone have"
    assert planned.learning_rates[-1] < 0.1 * max(planned.learning_rates), "the schedule ends with the last step"


def test_a_least_number_of_steps_that_the_epochs_reach_changes_nothing():
    lengths = np.random.default_rng(0).integers(3, 40, 50)
    for least in (None, 1, 8):
        planned = plan(lengths, 1, settings(epochs=2, batch_size=16, min_steps=least), "cpu")
        assert planned.steps == 8
    tokens = plan(lengths, 1, settings(epochs=1, batch_tokens=100, min_steps=40), "cpu")
    assert tokens.steps >= 40


def test_a_run_with_a_least_number_of_steps_takes_them_and_scores_at_larger_distances(copy):  # noqa: F811
    copy.params(train={"epochs": 1, "min_steps": 20, "patience": None})
    copy.run("train")
    assert curve(copy)["step"].tolist() == [12, 24]
