"""Calibrated probabilities: temperature and prior."""

import numpy as np
import pytest
from scipy.special import softmax

from strata.calibration import RANGE, Calibration, fit, read_calibration, uncalibrated, write_calibration
from strata.curves import CURVE_BINS, reliability
from strata.prior import prior_shift, weighted_counts
from strata.scoring import expected_calibration_error

NAMES = ["common", "rare"]


def sample_rows(rows: int, share: float, seed: int, scale: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, (rows,), and the log-odds of the second label at equal priors, (rows,)."""
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < share).astype(int)
    evidence = random.normal((2 * labels - 1) * scale**2 / 2, scale)  # of two normal densities of that scale
    return labels, evidence


def test_the_temperature_of_an_overconfident_model_is_recovered():
    labels, evidence = sample_rows(20_000, 0.5, seed=0)
    logits = 3 * np.stack([np.zeros_like(evidence), evidence], axis=1)
    fitted = fit(logits, labels, np.zeros(2))
    assert fitted.temperature == pytest.approx(3, rel=0.05)
    before = expected_calibration_error(labels, softmax(logits, axis=1), 1)
    assert expected_calibration_error(labels, fitted.probabilities(logits), 1) < before / 3


def test_balanced_training_is_corrected_for_a_prior_of_95_to_5():
    """On rows that were not used for fitting, calibration reduces the ECE to a third or less."""
    labels, evidence = sample_rows(4000, 0.05, seed=1)
    logits = np.stack(
        [np.zeros_like(evidence), 1.3 * evidence], axis=1
    )  # trained on equal probabilities, and overconfident
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


def test_rows_that_are_all_right_do_not_lead_to_certainty():
    logits = np.array([[5.0, 0.0], [0.0, 5.0]] * 20)
    fitted = fit(logits, np.array([0, 1] * 20), np.zeros(2))
    assert fitted.probabilities(logits).max() == pytest.approx(1 - 0.5 / 41, abs=1e-4)  # half of one added row is wrong
    two = fit(np.array([[0.1, 0.0], [0.0, 0.1]]), np.array([0, 1]), np.zeros(2))
    assert RANGE[0] <= two.temperature <= RANGE[1]
    assert np.isfinite(fitted.probabilities(logits * 100)).all()


def test_the_temperature_does_not_change_the_most_probable_label():
    logits = np.random.default_rng(0).normal(size=(50, 20))
    calibrated = Calibration(3.7, np.zeros(20)).probabilities(logits)
    assert calibrated.argmax(axis=1).tolist() == logits.argmax(axis=1).tolist()
    assert calibrated.sum(axis=1) == pytest.approx(1)


def test_the_reliability_curve_counts_every_row_once():
    random = np.random.default_rng(0)
    probabilities, truth = random.dirichlet([1, 1, 1], 105), random.integers(0, 3, 105)
    curve = reliability(truth, probabilities, None)
    assert len(curve) == CURVE_BINS
    assert curve["rows"].sum() == 105
    assert (curve["rows"] * curve["right"]).sum() == pytest.approx((probabilities.argmax(axis=1) == truth).sum())
    assert curve["stated"].is_monotonic_increasing
    assert reliability(truth[:3], probabilities[:3], None)["rows"].tolist() == [1, 1, 1]


def test_probabilities_are_the_softmax_of_the_calibrated_logits():
    logits = np.random.default_rng(0).normal(size=(50, 3))
    calibration = Calibration(2.5, np.array([0.5, -0.25, -0.25]))
    assert calibration.logits(logits) == pytest.approx(logits / 2.5 + [0.5, -0.25, -0.25])
    assert calibration.probabilities(logits) == pytest.approx(softmax(calibration.logits(logits), axis=1))
    assert (uncalibrated(3).logits(logits) == logits).all()


def test_a_calibration_is_read_as_it_was_written(tmp_path):
    calibration = Calibration(1.7, np.array([0.3, -0.3]))
    for threshold in (None, 0.42):
        write_calibration(tmp_path / "calibration.json", calibration, "f1", threshold)
        read, read_threshold = read_calibration(tmp_path / "calibration.json")
        assert (read.temperature, read.shift.tolist(), read_threshold) == (1.7, [0.3, -0.3], threshold)
