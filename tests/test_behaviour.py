"""Changes to texts, and how changed predictions are counted."""

from random import Random

import numpy as np
import pytest

from stages.evaluate import text_changes
from stages.evaluate.behaviour import change_in_predictions, prediction_changes
from stages.evaluate.sample import sample
from stages.evaluate.scored_rows import ScoredRows

TEXT = "The actors were not bad, John said, and Maria saw nothing wrong with these scenes at all."


@pytest.mark.parametrize(
    ("kind", "text", "changed"),
    [
        ("typos", "ab cde 1234 aaaa", None),
        ("typos", "abcd", "acbd"),
        ("case", "Good film", "GOOD FILM"),
        ("case", "GOOD", "good"),
        ("case", "123 \u6620\u753b", None),
        ("punctuation", "good film", "good film."),
        ("punctuation", "good film !!", "good film"),
        ("punctuation", "...", None),
        ("punctuation", " ", None),
        ("names", "a film of the mayor", None),
        ("names", "johnson and marypoppins", None),
        ("sentence", "", None),
        ("negation", "good film", None),
        ("negation", "it is good and was long", "it is not good and was long"),
        ("negation", "it wasn't good", "it was good"),
        ("negation", "it is n't good", "it is good"),
        ("negation", "it is not good", "it is good"),
        ("negation", "Isabel doses", None),
        ("negation", "you can't win", "you can win"),
        ("negation", "It cannot be", "It can be"),
        ("negation", "Won\u2019t do", "Will do"),
        ("negation", "it ca n't be", "it can be"),
    ],
)
def test_each_change_does_what_its_name_says(kind, text, changed):
    assert text_changes.KINDS[kind](text, Random(0)) == changed


def test_a_typo_swaps_inner_letters_and_keeps_the_ends_of_words():
    for seed in range(20):
        changed = text_changes.typos(TEXT, Random(seed))
        assert sorted(changed) == sorted(TEXT)
        assert changed != TEXT
        assert [(word[0], word[-1]) for word in changed.split()] == [(word[0], word[-1]) for word in TEXT.split()]
        assert sum(before != after for before, after in zip(TEXT, changed, strict=True)) <= 2


def test_a_name_is_replaced_by_one_of_the_same_sex_everywhere_and_in_its_case():
    for seed in range(20):
        changed = text_changes.names("John met JOHN and john but not Mary", Random(seed)).split()
        assert changed[0] != "John"
        assert (changed[2], changed[4]) == (changed[0].upper(), changed[0].lower())
        assert changed[0] in text_changes._MEN.split()
        assert changed[7] in set(text_changes._WOMEN.split()) - {"Mary"}


def test_a_whole_sentence_is_added_in_the_case_of_the_text():
    changed = {text_changes.sentence("good film", Random(seed)) for seed in range(30)}
    assert all("good film" in text and text.islower() for text in changed)
    assert {text.startswith("good film ") for text in changed} == {True, False}


@pytest.mark.parametrize("kind", list(text_changes.KINDS))
def test_a_change_depends_on_seed_and_id_only(kind):
    texts, ids = [TEXT] * 40, np.arange(40)
    changed = text_changes.changed_texts(kind, texts, ids, seed=1)
    assert text_changes.changed_texts(kind, texts[:7], ids[::-1][:7], seed=1) == changed[::-1][:7]
    assert all(text != TEXT for text in changed)
    if kind in ("typos", "names", "sentence"):
        assert len(set(changed)) > 1
        assert text_changes.changed_texts(kind, texts, ids, seed=2) != changed


def test_the_sample_does_not_depend_on_the_order_of_rows():
    ids = np.random.default_rng(0).permutation(500)
    few = sample(ids, 50, seed=1)
    assert len(few) == 50
    assert (np.diff(few) > 0).all()
    assert set(ids[::-1][sample(ids[::-1], 50, seed=1)]) == set(ids[few])
    assert set(ids[sample(ids, 50, seed=2)]) != set(ids[few])
    assert sample(ids, 1000, seed=1).tolist() == list(range(500))
    assert sample(ids[:0], 5, seed=1).tolist() == []


def test_changed_predictions_are_counted_with_an_interval_by_hand():
    before = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]])
    after = np.array([[0.8, 0.2], [0.3, 0.7], [0.1, 0.9], [0.5, 0.5]])
    change = change_in_predictions(most_probable(before), most_probable(after), np.arange(len(before)))
    assert (change["rows"], change["changed"]) == (4, 0.25)
    assert change["shift"] == pytest.approx((-0.1 - 0.3 + 0.1 + 0) / 4)
    # Wilson, 1 of 4, z = 1.96
    assert (change["low"], change["high"]) == (
        pytest.approx(0.0456, abs=1e-4),
        pytest.approx(0.6994, abs=1e-4),
    )


def most_probable(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return probabilities, probabilities.argmax(axis=1)


def scored_rows(ids: np.ndarray, probabilities: np.ndarray) -> ScoredRows:
    """Independent rows whose labels do not matter."""
    none = np.zeros(len(ids), dtype=int)
    return ScoredRows(ids, none, np.log(probabilities), *most_probable(probabilities), np.arange(len(ids)))


def reads_capitals(labels: int):
    """Return a classifier that gives 0.9 to label 1 for a text in capitals, and to label 0 for any other text."""

    def classify(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        probabilities = np.full((len(texts), labels), 0.1 / (labels - 1))
        for i, text in enumerate(texts):
            probabilities[i, int(text.isupper())] = 0.9
        return most_probable(probabilities)

    return classify


@pytest.mark.parametrize("labels", [2, 20])
def test_a_model_that_reads_only_the_case_fails_only_that_test(labels):
    texts = ["the film was good", "a plot", "john is here."]
    classify = reads_capitals(labels)
    rows = scored_rows(np.array([4, 1, 9]), classify(texts)[0])
    changes = prediction_changes(rows, texts, [None] * 3, classify, size=99, seed=0, in_english=True)
    assert list(changes) == list(text_changes.KINDS)
    assert {kind: values["changed"] for kind, values in changes.items()} == {
        "typos": 0,
        "case": 1,
        "punctuation": 0,
        "names": 0,
        "sentence": 0,
        "negation": 0,
    }
    assert {kind: values["rows"] for kind, values in changes.items()} == {
        "typos": 3,
        "case": 3,
        "punctuation": 3,
        "names": 1,
        "sentence": 3,
        "negation": 2,
    }
    assert changes["case"]["shift"] == pytest.approx(0.1 / (labels - 1) - 0.9)


def test_the_size_limits_the_rows_of_each_kind():
    texts = ["a plot"] * 20 + ["john is here"] * 5
    classify = reads_capitals(2)
    rows = scored_rows(np.arange(25), classify(texts)[0])
    changes = prediction_changes(rows, texts, [None] * 25, classify, size=4, seed=0, in_english=True)
    assert {values["rows"] for values in changes.values()} == {4}


def test_changes_of_english_words_are_made_in_english_texts_only():
    texts = ["john is here"] * 3
    classify = reads_capitals(2)
    rows = scored_rows(np.arange(3), classify(texts)[0])
    changes = prediction_changes(rows, texts, [None] * 3, classify, size=9, seed=0, in_english=False)
    made = {kind for kind, values in changes.items() if values["rows"]}
    assert made == {"typos", "case", "punctuation"}


def test_without_rows_there_are_no_shares():
    rows = scored_rows(np.array([], dtype=int), np.zeros((0, 2)))
    changes = prediction_changes(rows, [], [], reads_capitals(2), size=99, seed=0, in_english=True)
    assert all(values["rows"] == 0 and values["changed"] is None for values in changes.values())


def test_annotations_are_not_changed():
    seen = []

    def classify(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        seen.extend(texts)
        return most_probable(np.full((len(texts), 2), 0.5))

    rows = scored_rows(np.array([1]), np.full((1, 2), 0.5))
    prediction_changes(
        rows, ["john was here"], ["<director=John> <a=b (c)>"], classify, size=99, seed=0, in_english=True
    )
    assert len(seen) == len(text_changes.KINDS)
    assert all(text.endswith(" <director=John> <a=b (c)>") for text in seen)


def test_a_name_with_a_dotted_capital_is_not_changed():
    assert text_changes.changed_texts("names", ["MAR\u0130A", "Mar\u0131a sings"], np.array([1, 2]), 0) == [None, None]


def test_rows_of_one_unit_count_once_in_the_interval():
    before = most_probable(np.tile([0.9, 0.1], (40, 1)))
    after = most_probable(np.tile([[0.1, 0.9], [0.9, 0.1]], (20, 1)))
    alone = change_in_predictions(before, after, np.arange(40))
    together = change_in_predictions(before, after, np.arange(40) // 10)
    assert together["changed"] == alone["changed"] == 0.5
    assert together["high"] - together["low"] > alone["high"] - alone["low"]
