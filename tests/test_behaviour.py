"""What each change does to a text, and how changed predictions are counted."""

from random import Random

import numpy as np
import pytest

from stages.evaluate import behaviour

LIKELIER = np.vectorize(np.argmax, signature="(labels)->()")  # the label of the largest probability
TEXT = "The actors were not bad, John said, and Maria saw nothing wrong with these scenes at all."


@pytest.mark.parametrize(
    ("kind", "text", "made"),
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
def test_each_change_does_what_its_name_says(kind, text, made):
    assert behaviour.KINDS[kind](text, Random(0)) == made


def test_a_typo_swaps_inner_letters_and_keeps_the_ends_of_words():
    for seed in range(20):
        made = behaviour.typos(TEXT, Random(seed))
        assert sorted(made) == sorted(TEXT)
        assert made != TEXT
        assert [(word[0], word[-1]) for word in made.split()] == [(word[0], word[-1]) for word in TEXT.split()]
        assert sum(one != other for one, other in zip(TEXT, made, strict=True)) <= 2


def test_a_name_becomes_one_other_name_of_its_sex_everywhere_in_its_own_case():
    for seed in range(20):
        made = behaviour.names("John met JOHN and john but not Mary", Random(seed)).split()
        assert made[0] != "John"
        assert (made[2], made[4]) == (made[0].upper(), made[0].lower())
        assert made[0] in behaviour._MEN.split()
        assert made[7] in set(behaviour._WOMEN.split()) - {"Mary"}


def test_a_sentence_is_added_whole_and_in_the_texts_case():
    made = {behaviour.sentence("good film", Random(seed)) for seed in range(30)}
    assert all("good film" in text and text.islower() for text in made)
    assert {text.startswith("good film ") for text in made} == {True, False}


@pytest.mark.parametrize("kind", list(behaviour.KINDS))
def test_a_rows_change_depends_on_seed_and_id_alone(kind):
    texts, ids = [TEXT] * 40, np.arange(40)
    made = behaviour.changed_texts(kind, texts, ids, seed=1)
    assert behaviour.changed_texts(kind, texts[:7], ids[::-1][:7], seed=1) == made[::-1][:7]
    assert all(text != TEXT for text in made)
    if kind in ("typos", "names", "sentence"):
        assert len(set(made)) > 1
        assert behaviour.changed_texts(kind, texts, ids, seed=2) != made


def test_rows_are_chosen_by_id_whatever_their_order():
    ids = np.random.default_rng(0).permutation(500)
    few = behaviour.chosen(ids, 50, seed=1)
    assert len(few) == 50
    assert (np.diff(few) > 0).all()
    assert set(ids[::-1][behaviour.chosen(ids[::-1], 50, seed=1)]) == set(ids[few])
    assert set(ids[behaviour.chosen(ids, 50, seed=2)]) != set(ids[few])
    assert behaviour.chosen(ids, 1000, seed=1).tolist() == list(range(500))
    assert behaviour.chosen(ids[:0], 5, seed=1).tolist() == []


def test_changed_predictions_are_counted_with_an_interval_by_hand():
    before = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]])
    after = np.array([[0.8, 0.2], [0.3, 0.7], [0.1, 0.9], [0.5, 0.5]])
    found = behaviour.changed(before, after, LIKELIER, np.arange(len(before)))
    assert (found["rows"], found["changed"]) == (4, 0.25)
    assert found["shift"] == pytest.approx((-0.1 - 0.3 + 0.1 + 0) / 4)
    # Wilson, 1 of 4, z = 1.96
    assert (found["changed_low"], found["changed_high"]) == (
        pytest.approx(0.0456, abs=1e-4),
        pytest.approx(0.6994, abs=1e-4),
    )


def reads_capitals(labels: int):
    """A predictor that is sure of label 1 where a text has capitals, of label 0 where not, and refuses no text."""

    def predict(texts: list[str]) -> np.ndarray:
        shares = np.full((len(texts), labels), 0.1 / (labels - 1))
        for i, text in enumerate(texts):
            shares[i, int(text.isupper())] = 0.9
        return shares

    return predict


@pytest.mark.parametrize("labels", [2, 20])
def test_a_model_that_reads_case_alone_fails_that_test_alone(labels):
    texts = ["the film was good", "a plot", "john is here."]
    predict = reads_capitals(labels)
    found = behaviour.behaviour(
        texts, [""] * 3, np.array([4, 1, 9]), predict(texts), predict, LIKELIER, np.arange(3), most=99, seed=0
    )
    assert list(found) == list(behaviour.KINDS)
    assert {kind: values["changed"] for kind, values in found.items()} == {
        "typos": 0,
        "case": 1,
        "punctuation": 0,
        "names": 0,
        "sentence": 0,
        "negation": 0,
    }
    assert {kind: values["rows"] for kind, values in found.items()} == {
        "typos": 3,
        "case": 3,
        "punctuation": 3,
        "names": 1,
        "sentence": 3,
        "negation": 2,
    }
    assert found["case"]["shift"] == pytest.approx(0.1 / (labels - 1) - 0.9)


def test_at_most_so_many_rows_of_those_that_a_kind_applies_to():
    texts = ["a plot"] * 20 + ["john is here"] * 5
    predict = reads_capitals(2)
    found = behaviour.behaviour(
        texts, [""] * 25, np.arange(25), predict(texts), predict, LIKELIER, np.arange(25), most=4, seed=0
    )
    assert {values["rows"] for values in found.values()} == {4}


def test_no_rows_give_no_shares():
    none = np.array([], dtype=int)
    found = behaviour.behaviour([], [], none, np.zeros((0, 2)), reads_capitals(2), LIKELIER, none, most=99, seed=0)
    assert all(values["rows"] == 0 and values["changed"] is None for values in found.values())


def test_the_annotation_stays_as_it_is():
    seen = []

    def predict(changed: list[str]) -> np.ndarray:
        seen.extend(changed)
        return np.full((len(changed), 2), 0.5)

    shares = np.full((1, 2), 0.5)
    text, annotation = ["john was here"], ["<director=John> <a=b (c)>"]
    behaviour.behaviour(text, annotation, np.array([1]), shares, predict, LIKELIER, np.arange(1), most=99, seed=0)
    assert len(seen) == len(behaviour.KINDS)
    assert all(text.endswith(" <director=John> <a=b (c)>") for text in seen)


def test_a_name_with_a_dotted_capital_stays_as_it_is():
    assert behaviour.changed_texts("names", ["MAR\u0130A", "Mar\u0131a sings"], np.array([1, 2]), 0) == [None, None]


def test_rows_of_one_unit_count_once_in_the_interval():
    before, after = np.tile([0.9, 0.1], (40, 1)), np.tile([[0.1, 0.9], [0.9, 0.1]], (20, 1))
    alone = behaviour.changed(before, after, LIKELIER, np.arange(40))
    together = behaviour.changed(before, after, LIKELIER, np.arange(40) // 10)
    assert together["changed"] == alone["changed"] == 0.5
    assert together["changed_high"] - together["changed_low"] > alone["changed_high"] - alone["changed_low"]
