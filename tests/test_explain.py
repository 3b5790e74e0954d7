"""The words that carry a prediction: what each is, what it weighs, and how a terminal shows it."""

import io
import json
import re

import numpy as np
import pytest

from strata.commands import predict
from strata.runtime import explain as module
from strata.runtime.coloured import coloured
from strata.runtime.explain import explain, grouped, log_odds, occlusions, word_spans
from strata.runtime.predictor import Predictor
from strata.softmax import softmax
from tests.test_predict import copied

TEXT = "the film is  lovely, and warm"


@pytest.fixture(scope="module")
def predictor(trained):
    return Predictor(trained.root / "models/quantize")


def test_each_word_has_its_place_in_the_text(predictor):
    words = explain(predictor, TEXT)["words"]
    prepared = "the film is lovely, and warm"  # the recipe's clean has whitespace in it
    assert [word["word"] for word in words] == ["the", "film", "is", "lovely", ",", "and", "warm"]
    assert all(prepared[word["start"] : word["end"]] == word["word"] for word in words)
    assert explain(predictor, TEXT)["text"] == prepared


def test_a_weight_is_what_the_label_loses_without_the_word_and_gains_by_it_alone(predictor):
    explanation = explain(predictor, TEXT)
    ids = predictor.tokens.ids([explanation["text"]])[0]
    label = predictor.labels.index(explanation["explained"])
    for position, word in enumerate(explanation["words"], 1):  # each is one token of the tiny model, after [CLS]
        asked = [ids, ids[:position] + ids[position + 1 :], [ids[0], ids[position], ids[-1]], [ids[0], ids[-1]]]
        rows = softmax(predictor.classifier.logits(asked))
        whole, without, alone, nothing = np.log(rows[:, label] / (1 - rows[:, label]))
        assert word["weight"] == pytest.approx((whole - without + alone - nothing) / 2, abs=1e-9)


def test_a_word_that_is_repeated_weighs_something(predictor):
    """Without one of them nothing changes; alone it does."""
    (word, again, _) = (word["weight"] for word in explain(predictor, "lovely lovely film")["words"])
    assert word == pytest.approx(again, abs=0.1)
    assert word != 0


def test_words_that_the_model_does_not_read_do_not_count(predictor):
    words = explain(predictor, "film " * 100)["words"]
    assert len(words) == predictor.tokens.max_length - 2
    assert explain(predictor, "")["words"] == []


def test_a_row_is_explained_as_it_was_prepared(trained, tmp_path):
    folder = copied(trained.root / "models/quantize", tmp_path)
    content = {"text": ["title", "body"], "clean": ["lowercase"], "annotate": []}
    (folder / "preparation.json").write_text(json.dumps(content))
    from strata.runtime import manifest

    manifest.write(folder, "1.24")
    explanation = explain(Predictor(folder), {"title": "LOVELY", "body": "Film"})
    assert re.fullmatch(r"lovely\W+film", explanation["text"])
    assert [word["word"] for word in explanation["words"] if word["word"].isalpha()] == ["lovely", "film"]


def test_neighbours_of_a_long_text_are_left_out_together(predictor, monkeypatch):
    monkeypatch.setattr(module, "MOST_TOKENS", 40)
    explanation = explain(predictor, "film plot actor scene music story " * 3)
    words = explanation["words"]
    assert len(words) == 40 // predictor.tokens.max_length
    assert " ".join(word["word"] for word in words).split() == explanation["text"].split()[:14]
    made = occlusions(predictor, explanation["text"])
    assert sum(map(len, made.input_ids[2 : 2 + len(made.spans)])) <= 40


def test_a_word_has_all_its_tokens_and_a_sign_is_a_word():
    offsets = [(0, 0), (0, 3), (3, 6), (6, 7), (7, 9), (9, 10), (10, 11), (0, 0)]
    spans = word_spans("abcdef don\u2019t 日本"[:11], offsets)
    assert [(span.start, span.end, list(span.tokens)) for span in spans] == [
        (0, 6, [1, 2]),
        (7, 10, [4, 5]),
        (10, 11, [6]),
    ]
    assert grouped([], 3) == []


def test_log_odds_are_those_of_the_probabilities_of_any_number_of_labels():
    logits = np.array([[1.0, -2.0, 0.5], [30.0, -900.0, 800.0]])
    first = softmax(logits)[0]
    assert log_odds(logits, 2)[0] == pytest.approx(np.log(first[2] / (1 - first[2])))
    assert log_odds(logits, 0)[1] == pytest.approx(-770)


def test_a_terminal_shows_words_in_colour_and_obeys_none_of_their_characters():
    words = [
        {"word": "warm", "start": 0, "end": 4, "weight": 2.0},
        {"word": "\x1b", "start": 5, "end": 6, "weight": 0.1},
        {"word": "dull", "start": 7, "end": 11, "weight": -0.8},
    ]
    given = {"label": None, "probability": 0.5, "explained": "po\x07s", "text": "warm \x1b dull\n", "words": words}
    assert coloured(given).splitlines() == [
        "not sure, likeliest po\\x07s 50.0%",
        "\x1b[1m\x1b[32mwarm\x1b[0m \\x1b \x1b[31mdull\x1b[0m ",
        "warm +2.00, dull -0.80, \\x1b +0.10",
    ]


def test_the_command_prints_json_and_colours_where_a_person_looks(trained, capsys, monkeypatch):
    argv = [str(trained.root / "models/quantize"), "lovely film", "--explain"]
    predict.main(argv)
    (word, _) = json.loads(capsys.readouterr().out)["words"]
    assert (word["word"], word["start"], word["end"]) == ("lovely", 0, 6)

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    predict.main(argv)
    assert re.search(r"\x1b\[3[12]m(lovely|film)\x1b\[0m", terminal.getvalue())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("यह फिल्म अच्छी है।", ["यह", "फिल्म", "अच्छी", "है", "।"]),  # vowel signs and viramas belong to their word
        ("ร์ดีมาก", ["ร์", "ดี", "ม", "า", "ก"]),  # Thai has no spaces
        ("映画は良い", ["映", "画", "は", "良", "い"]),
        ("이 영화는 좋다", ["이", "영화는", "좋다"]),
        ("e\u0301te\u0301, isn't it", ["e\u0301te\u0301", ",", "isn't", "it"]),
    ],
)
def test_words_of_other_scripts_keep_their_marks(text, words):
    offsets = [(i, i + 1) for i in range(len(text))]
    assert [text[span.start : span.end] for span in word_spans(text, offsets)] == words
