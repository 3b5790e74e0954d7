"""Expressions see one row at a time, write nothing, and leave out what they cannot compare."""

import pandas as pd
import pytest

from stages.standardize.filters import source_masks, survey_source
from strata.base.errors import StrataError
from strata.settings.recipe import Keep


def kept(where, frame, *batches):
    """Which rows of a frame of texts stay, as the training file in batches decides."""
    keep = Keep(where=where)
    survey = survey_source([frame, *batches], keep)
    return source_masks(frame, keep, survey)["where"].tolist()


@pytest.mark.parametrize(
    "where",
    [
        "n > n.mean()",
        "n.rank() > 2",
        "~n.duplicated()",
        "label.to_csv('x')",
        "n.to_frame().to_pickle('x')",
        "n.values.tofile('x')",
        "@pd.read_pickle('x')",
        "label.__class__ == 1",
        "n == 9 ** 9 ** 9",
        "label == 'a' * 1000000000",
        "label == '%999999999d' % 1",
        "open('x')",
        "[x for x in n]",
        "lambda: n",
        "n = 3",
        "label.str == 'a'.join('b')",
        "n >",
        "n in m",
        "n.isin(m)",
        "n.isin([1, m])",
        "n.between(m, 3)",
        "n == None",
    ],
)
def test_expressions_that_do_not_compare_one_row_are_refused(where):
    with pytest.raises(ValueError, match=r"where: .*allowed: columns, numbers, texts and lists"):
        Keep(where=where)


FRAME = pd.DataFrame({"n": ["1", "2", None, "10"], "t": ["a", "B", None, "ab"], "old": ["true", "False", None, "TRUE"]})


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("n >= 2", [False, True, False, True]),
        ("n != 2", [True, False, False, True]),
        ("not (n > 1)", [True, False, False, False]),
        ("n not in [2]", [True, False, False, True]),
        ("not n.isin([2])", [True, False, False, True]),
        ("n > 1 & t == 'B'", [False, True, False, False]),
        ("t == 'B' | old == False", [False, True, False, False]),
        ("t not in ['a']", [False, True, False, True]),
        ("1 < n < 10", [False, True, False, False]),
        ("n.isna()", [False, False, True, False]),
        ("n.isna() or n == 1", [True, False, True, False]),
        ("n in [1, 10]", [True, False, False, True]),
        ("n.between(2, 10)", [False, True, False, True]),
        ("n + 1 == 3 or t == 'a'", [True, True, False, False]),
        ("t != 'a'", [False, True, False, True]),
        ("t.str.len() > 1", [False, False, False, True]),
        ("t.str.lower().str.startswith('b')", [False, True, False, False]),
        ("t.str.contains('b') and n > 5", [False, False, False, True]),
        ("old == True", [True, False, False, True]),
        ("old == False", [False, True, False, False]),
        ("not old", [False, True, False, False]),
        ("old", [True, False, False, True]),
    ],
)
def test_a_comparison_with_a_missing_value_is_missing(where, expected):
    assert kept(where, FRAME) == expected


def test_a_name_with_spaces_is_written_in_backticks():
    assert kept("`the rating` > 2", pd.DataFrame({"the rating": ["1", "3"]})) == [False, True]


@pytest.mark.parametrize("name", ["class", "_id", "a.b", "n"])
def test_any_name_can_be_written_in_backticks(name):
    assert kept(f"`{name}` > 2", pd.DataFrame({name: ["1", "3"]})) == [False, True]


def test_a_text_is_compared_as_it_is_written():
    assert kept("t == '`n` & | \\\\'", pd.DataFrame({"t": ["`n` & | \\", "n"], "n": ["1", "x"]})) == [True, False]


def test_whole_numbers_are_compared_exactly():
    assert kept("n == 9007199254740993", pd.DataFrame({"n": ["9007199254740993", "9007199254740992", None]})) == [
        *[True, False],
        False,
    ]


def test_an_operator_that_is_refused_is_named():
    with pytest.raises(ValueError, match=r"where: 'n \*\* 9' is not allowed"):
        Keep(where="n ** 9 > 1")


def test_a_column_that_only_a_text_mentions_is_ignored():
    keep = Keep(where="t == 'n'")
    survey = survey_source([pd.DataFrame({"t": ["n"], "n": ["2"]})], keep)
    assert source_masks(pd.DataFrame({"t": ["n"], "n": ["x"]}), keep, survey)["where"].tolist() == [True]


def test_a_column_that_starts_empty_has_the_type_of_its_values():
    empty, numbers = pd.DataFrame({"n": [None, None]}, dtype="str"), pd.DataFrame({"n": ["2", "10"]})
    keep = Keep(where="n >= 3")
    survey = survey_source([empty, numbers], keep)
    assert source_masks(numbers, keep, survey)["where"].tolist() == [False, True]
    assert source_masks(empty, keep, survey)["where"].tolist() == [False, False]


def test_a_word_among_the_test_files_numbers_is_named():
    keep = Keep(where="n >= 3")
    survey = survey_source([pd.DataFrame({"n": ["2"]})], keep)
    with pytest.raises(StrataError, match=r"n is 'x' in the test file, and a number in all training rows; fix that"):
        source_masks(pd.DataFrame({"n": ["x"]}), keep, survey)


def test_a_word_among_the_test_files_booleans_is_named():
    keep = Keep(where="not old")
    survey = survey_source([pd.DataFrame({"old": ["true"]})], keep)
    with pytest.raises(StrataError, match=r"old is 'yes' in the test file, and true or false in all training rows"):
        source_masks(pd.DataFrame({"old": ["yes"]}), keep, survey)
