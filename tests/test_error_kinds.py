"""The rules that recognize kinds of errors, and how they are counted."""

import numpy as np
import pytest

from stages.evaluate import error_kinds
from strata.text.english import is_english

PLAIN = "the actors speak their lines in a room"


def kinds_of(texts, truncated=None, suspect=None, in_english=True):
    none = np.zeros(len(texts), dtype=bool)
    return error_kinds.kinds(
        texts, none if truncated is None else truncated, none if suspect is None else suspect, in_english
    )


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Good.", "very_short"),
        ("one two three four", "very_short"),
        ("one two three four five", "other"),
        ("", "very_short"),
        ("BUT the actors speak in a room", "contrast"),
        ("the butler speaks in a yeti costume", "other"),
        ("the actors don't speak in a room", "negation"),
        ("the actors don\u2019t speak in a room", "negation"),
        ("the actors do n't speak in a room", "negation"),
        ("the notable actors speak of another knot", "other"),
        ("it is sort of a room", "hedged"),
        ("though it seems not to be a room", "contrast, negation, hedged"),
        (PLAIN, "other"),
    ],
)
def test_words_give_the_kind(text, kinds):
    assert error_kinds.names(kinds_of([text])) == [kinds]


def test_a_text_that_the_model_did_not_read_whole_is_truncated():
    assert error_kinds.names(kinds_of([PLAIN, PLAIN], truncated=[True, False])) == ["truncated", "other"]


def test_a_suspect_is_probably_mislabelled():
    assert error_kinds.names(kinds_of([PLAIN, PLAIN], suspect=[False, True])) == ["other", "probably_mislabelled"]


def test_kinds_are_counted_among_errors_and_among_all_rows():
    is_kind = kinds_of(["Good.", "Bad.", PLAIN, "but " + PLAIN])
    counted = error_kinds.summary(is_kind, np.array([True, False, False, True])).set_index("kind")
    assert tuple(counted.index) == error_kinds.KINDS
    short = counted.loc["very_short"]
    assert short.to_dict() == {
        "errors": 1,
        "share_of_errors": 0.5,
        "rows": 2,
        "share_of_rows": 0.5,
        "error_rate": 0.5,
    }
    assert counted.loc["other", "errors"] == 0
    assert counted.loc["truncated", "error_rate"] == 0


@pytest.mark.parametrize("rows", [0, 1])
def test_without_errors_or_rows_all_counts_are_0(rows):
    counted = error_kinds.summary(kinds_of([PLAIN] * rows), np.zeros(rows, dtype=bool))
    assert counted["errors"].tolist() == [0] * len(error_kinds.KINDS)
    assert counted["share_of_errors"].tolist() == [0.0] * len(error_kinds.KINDS)


def test_english_words_are_not_looked_for_in_other_languages():
    (dutch,) = error_kinds.names(kinds_of(["de butler zegt nothing, but hij is sort of een yeti"], in_english=False))
    assert dutch == "other"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("its initial excitement settles into a warmed over pastiche .", True),
        ("I lost my card, what should I do?", True),
        ("Der Film war gut, aber er ist zu lang und die Musik nervt.", False),
        ("On a vu un film formidable, il est drôle et la fin surprend.", False),
        ("La película es larga, pero no me aburrí.", False),
        ("映画はとても良い", False),
        ("ภาพยนตร์ดีมาก", False),
        ("", False),
        ("🎬 12 !!", False),
    ],
)
def test_english_is_known_by_its_function_words(text, expected):
    assert is_english([text] * 3) == expected
