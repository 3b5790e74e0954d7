"""Temperature and prior: probabilities that mean what they say."""

import numpy as np
import pytest
from scipy.special import softmax

from strata.calibration import RANGE, Calibration, fit
from strata.curves import CURVE_BINS, reliability
from strata.prior import prior_shift, weighted_counts
from strata.scoring import expected_calibration_error

NAMES = ["common", "rare"]


def drawn(rows: int, share: float, seed: int, scale: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose evidence for the second label is known: labels (rows,), log-odds of a fair prior (rows,)."""
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < share).astype(int)
    evidence = random.normal((2 * labels - 1) * scale**2 / 2, scale)  # of two normal densities of that scale
    return labels, evidence


def test_a_model_that_is_too_sure_gets_its_temperature_back():
    labels, evidence = drawn(20_000, 0.5, seed=0)
    logits = 3 * np.stack([np.zeros_like(evidence), evidence], axis=1)
    fitted = fit(logits, labels, np.zeros(2))
    assert fitted.temperature == pytest.approx(3, rel=0.05)
    before = expected_calibration_error(labels, softmax(logits, axis=1), 1)
    assert expected_calibration_error(labels, fitted.probabilities(logits), 1) < before / 3


def test_a_balanced_training_set_is_corrected_for_a_task_of_95_to_5():
    """Must hold on rows that nothing was fitted on: ECE after at most a third of before."""
    labels, evidence = drawn(4000, 0.05, seed=1)
    logits = np.stack([np.zeros_like(evidence), 1.3 * evidence], axis=1)  # trained on halves, and somewhat too sure
    fitted = fit(logits[:1000], labels[:1000], prior_shift(np.array([9500, 500]), np.array([500, 500])))
    before = expected_calibration_error(labels[1000:], softmax(logits[1000:], axis=1), 1)
    after = expected_calibration_error(labels[1000:], fitted.probabilities(logits[1000:]), 1)
    assert before > 0.1
    assert after <= before / 3


def test_class_weights_shift_the_prior_as_repeated_rows_do():
    natural = np.array([900, 100])
    repeated = prior_shift(natural, np.array([900, 900]))
    assert repeated == pytest.approx([np.log(9) / 2, -np.log(9) / 2])
    for weights in ("balanced", {"common": 1.0, "rare": 9.0}):
        assert prior_shift(natural, weighted_counts(natural, weights, NAMES)) == pytest.approx(repeated)
    assert prior_shift(natural, weighted_counts(natural, "none", NAMES)).tolist() == [0, 0]
    assert prior_shift(natural, 3 * natural).tolist() == [0, 0]


def test_rows_that_are_all_right_do_not_call_for_certainty():
    logits = np.array([[5.0, 0.0], [0.0, 5.0]] * 20)
    fitted = fit(logits, np.array([0, 1] * 20), np.zeros(2))
    assert fitted.probabilities(logits).max() == pytest.approx(1 - 0.5 / 41, abs=1e-4)  # half of one row more is wrong
    two = fit(np.array([[0.1, 0.0], [0.0, 0.1]]), np.array([0, 1]), np.zeros(2))
    assert RANGE[0] <= two.temperature <= RANGE[1]
    assert np.isfinite(fitted.probabilities(logits * 100)).all()


def test_no_temperature_changes_which_label_is_likeliest():
    logits = np.random.default_rng(0).normal(size=(50, 20))
    made = Calibration(3.7, np.zeros(20)).probabilities(logits)
    assert made.argmax(axis=1).tolist() == logits.argmax(axis=1).tolist()
    assert made.sum(axis=1) == pytest.approx(1)


def test_the_reliability_curve_counts_every_row_once():
    random = np.random.default_rng(0)
    shares, truth = random.dirichlet([1, 1, 1], 105), random.integers(0, 3, 105)
    found = reliability(truth, shares, None)
    assert len(found) == CURVE_BINS
    assert found["rows"].sum() == 105
    assert (found["rows"] * found["right"]).sum() == pytest.approx((shares.argmax(axis=1) == truth).sum())
    assert found["stated"].is_monotonic_increasing
    assert reliability(truth[:3], shares[:3], None)["rows"].tolist() == [1, 1, 1]
