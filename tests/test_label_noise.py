"""The estimated share of wrong labels, and how many flipped labels are found."""

import numpy as np
import pytest

from stages.evaluate import label_noise


def calibrated(labels: int, rows: int, sharpness: float, seed: int = 0):
    """Return true labels, and the probabilities that they were drawn from."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(rows, labels)) * sharpness
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    truth = np.array([random.choice(labels, p=row) for row in probabilities])
    return truth, probabilities


def separated(labels: int, rows: int, seed: int = 0):
    """Return true labels, and the probabilities of a model that gives each of them 0.95."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, labels, rows)
    probabilities = np.full((rows, labels), 0.05 / (labels - 1))
    probabilities[np.arange(rows), truth] = 0.95
    return truth, probabilities


def test_thresholds_are_the_mean_probability_of_each_label_by_hand():
    given = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.95, 0.05]])
    assert label_noise.thresholds(given, probabilities) == pytest.approx([0.8, 0.325])
    # the second row reaches neither threshold
    assert label_noise.confident_labels(given, probabilities).tolist() == [0, -1, 1, 0]
    assert label_noise.joint_distribution(given, probabilities) == pytest.approx(np.array([[0.5, 0], [0.25, 0.25]]))
    assert label_noise.noise_share(given, probabilities) == pytest.approx(0.25)
    (suspect,) = label_noise.suspects(np.array([7, 8, 9, 5]), given, probabilities).to_dict("records")
    assert suspect == {"id": 5, "label": 1, "suggested": 0, "score": pytest.approx(0.9)}


@pytest.mark.parametrize("labels", [2, 20])
@pytest.mark.parametrize("wrong", [0.0, 0.05, 0.2])
def test_the_estimate_is_the_share_of_flipped_labels_if_the_model_is_right(labels, wrong):
    truth, probabilities = separated(labels, 2000)
    random = np.random.default_rng(1)
    flipped = random.random(2000) < wrong
    given = np.where(flipped, (truth + random.integers(1, labels, 2000)) % labels, truth)
    assert label_noise.noise_share(given, probabilities) == pytest.approx(flipped.mean(), abs=0.005)
    assert set(label_noise.suspects(np.arange(2000), given, probabilities)["id"]) == set(np.flatnonzero(flipped))


@pytest.mark.parametrize("labels", [2, 20])
def test_flipped_labels_are_found_and_no_others(labels):
    truth, probabilities = separated(labels, 1000)
    checked = label_noise.check(np.arange(1000), truth, probabilities, seed=3)
    assert checked == {
        "flipped": 50,
        "found": 50,
        "suspects": 50,
        "recall": 1.0,
        "precision": 1.0,
        "precision_first": 1.0,
        "share_after": pytest.approx(0.05, abs=0.003),
    }


@pytest.mark.parametrize("labels", [2, 20])
def test_a_model_that_errs_finds_most_flipped_labels(labels):
    truth, probabilities = calibrated(labels, 2000, 4.0)
    accuracy = (probabilities.argmax(axis=1) == truth).mean()
    assert 0.6 < accuracy < 0.95
    checked = label_noise.check(np.arange(2000), truth, probabilities, seed=3)
    assert checked["recall"] > 0.7
    assert checked["precision"] < checked["precision_first"]  # the flipped labels come before the model's own mistakes
    estimated = label_noise.noise_share(truth, probabilities)
    assert checked["share_after"] > estimated
    # without flipped labels, the estimate is below the model's error rate
    assert estimated < 1 - accuracy + 0.01


def test_the_check_depends_on_seed_and_ids_but_not_on_the_order_of_rows():
    truth, probabilities = calibrated(3, 300, 2.0)
    ids = np.random.default_rng(5).permutation(1000)[:300]
    order = np.random.default_rng(6).permutation(300)
    result = label_noise.check(ids, truth, probabilities, seed=1)
    assert label_noise.check(ids[order], truth[order], probabilities[order], seed=1) == result
    assert label_noise.check(ids, truth, probabilities, seed=2) != result


def test_suspects_are_sorted_by_margin_and_then_by_id():
    given = np.array([0, 0, 0, 0, 1, 1])
    probabilities = np.array([[0.1, 0.9], [0.1, 0.9], [0.0, 1.0], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
    suspects = label_noise.suspects(np.array([5, 2, 9, 1, 3, 4]), given, probabilities)
    assert suspects["id"].tolist() == [9, 2, 5]
    assert (suspects["suggested"] == 1).all()


def test_a_label_without_rows_is_never_suggested(recwarn):
    truth, probabilities = separated(2, 100)
    three = np.concatenate([probabilities * 0.9, np.full((100, 1), 0.1)], axis=1)
    assert label_noise.thresholds(truth, three)[2] == np.inf
    assert label_noise.noise_share(truth, three) == 0
    assert label_noise.joint_distribution(truth, three).sum() == pytest.approx(1)
    assert not recwarn.list


@pytest.mark.parametrize("rows", [0, 1])
def test_no_rows_and_one_row_have_no_suspects(rows, recwarn):
    given, probabilities = np.zeros(rows, dtype=int), np.full((rows, 2), 0.5)
    assert label_noise.noise_share(given, probabilities) == 0
    assert label_noise.suspects(np.arange(rows), given, probabilities).empty
    checked = label_noise.check(np.arange(rows), given, probabilities, seed=0)
    assert (checked["flipped"], checked["recall"], checked["precision_first"]) == (0, None, None)
    assert not recwarn.list


def test_a_share_of_wrong_labels_is_estimated_only_by_a_model_that_can_tell_them_from_its_mistakes():
    ids = np.arange(1000)
    assert label_noise.summary(ids, *separated(3, 1000), seed=0)["share"] == pytest.approx(0, abs=0.01)
    truth, probabilities = calibrated(2, 1000, 1.0)  # a weak model: it is wrong on a quarter of the rows
    weak = label_noise.summary(ids, truth, probabilities, seed=0)
    assert weak["share"] is None
    assert weak["suspects"] > 0
    assert label_noise.summary(ids[:100], *separated(2, 100), seed=0)["share"] is None, "five flipped rows say nothing"
