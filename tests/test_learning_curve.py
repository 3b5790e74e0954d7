"""What more labels would bring: by a sweep of shares, with its error."""

import numpy as np
import pandas as pd
import pytest

from strata.labels import Labels
from strata.settings.sweep_reader import read_sweep
from strata.sweeping.answer import Answer, Setting
from strata.sweeping.kept_rows import write_rows
from strata.sweeping.learning_curve import Curve, after_doubling, curve, gain, printed
from strata.sweeping.study import Ending
from tests.conftest import ROOT

SHARES = np.array([0.1, 0.25, 0.5, 1.0])
LABELS = Labels(["no", "yes"], "yes")


@pytest.fixture
def sweep():
    return read_sweep(ROOT / "sweeps/learning_curve.yaml")


def answer_of(overrides: list[dict]) -> Answer:
    settings = [
        Setting(i, f"s-{i:03d}", one, Ending("COMPLETE", 0.5, None, 1.0, 1.0, [])) for i, one in enumerate(overrides)
    ]
    return Answer(settings, settings, settings[0], settings, settings[0], 400, 0.0, 0.0, {})


def write(folder, errors: np.ndarray) -> None:
    """Write the rows of runs that are wrong on the first rows, as many as `errors` says of 400."""
    folder.mkdir(exist_ok=True)
    label = np.arange(400) % 2
    for i, error in enumerate(errors):
        wrong = np.arange(400) < round(400 * error)
        p = np.where(wrong, 1 - label, label) * 0.8 + 0.1
        frame = pd.DataFrame({"id": range(400), "label": label, "probabilities": list(np.stack([1 - p, p], axis=1))})
        write_rows(folder, i, frame.assign(unit=frame["id"]), LABELS)


def test_errors_that_fall_as_a_power_are_continued_exactly():
    errors = 0.3 * (SHARES / 0.1)[:, None] ** -np.array([[0.5, 0.2]])
    assert after_doubling(SHARES, errors) == pytest.approx(errors[-1] * 2 ** -np.array([0.5, 0.2]))
    assert np.isnan(after_doubling(SHARES, np.zeros((4, 1)))[0])


def test_twice_the_labels_bring_what_the_curve_promises_with_an_interval(tmp_path, sweep):
    errors = 0.4 * (SHARES / 0.1) ** -0.5
    write(tmp_path / "rows", errors)
    result = curve(answer_of([{"resample.share": share} for share in SHARES]), tmp_path / "rows", sweep)
    assert result.scores == pytest.approx(1 - errors, abs=0.002)
    value, low, high = gain(result)
    assert value == pytest.approx(errors[-1] * (1 - 2**-0.5), abs=0.003)
    assert 0 < low < value < high < 2 * value
    lines = printed(result).splitlines()
    told = [line.removeprefix("sweep: ").split(" ")[0] for line in lines[:4]]
    assert told == ["10%", "25%", "50%", "100%"]
    assert "twice the labels of the last share should bring accuracy +0.03" in lines[4]
    assert "the last 3 shares" in lines[4]


def test_a_loss_is_said_to_fall():
    curve_of_loss = Curve(SHARES, np.array([0.8, 0.7, 0.6, 0.5]), np.array([[0.8, 0.7, 0.6, 0.5]] * 50).T, "loss")
    assert "twice the labels of the last share should bring loss -0.0" in printed(curve_of_loss)


def test_without_an_error_nothing_is_promised():
    perfect = Curve(SHARES, np.ones(4), np.ones((4, 50)), "accuracy")
    assert "what twice the labels would bring cannot be said" in printed(perfect)


@pytest.mark.parametrize(
    "overrides", [[{"train.lr": 1e-4}, {"train.lr": 2e-4}], [{"resample.share": 0.5, "train.lr": 1e-4}] * 2]
)
def test_a_sweep_that_varies_something_else_has_no_learning_curve(tmp_path, sweep, overrides):
    write(tmp_path / "rows", np.array([0.4, 0.3]))
    assert curve(answer_of(overrides), tmp_path / "rows", sweep) is None
