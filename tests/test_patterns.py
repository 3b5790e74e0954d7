"""Regular expressions of keep.where: Python's meaning, in time that grows with the text alone."""

import re

import pandas as pd
import pytest

from strata import patterns
from strata.base.errors import StrataError
from strata.settings.recipe import Keep
from strata.text.cleaning import STEPS
from tests.test_where import kept

TEXTS = [
    "free café",
    "été 12",
    "a\nb",
    "x-y_z",
    "٣",
    "[a]",
    "a]b",
    "",
    "A1",
    "t\there",
    "nb\u00a0sp",
    "^b",
    "b\\s",
    None,
]
COLUMN = pd.Series(TEXTS, dtype=pd.StringDtype("python"))


@pytest.mark.parametrize("how", ["contains", "match", "fullmatch"])
@pytest.mark.parametrize(
    "pattern",
    [
        *(r"\w+", r"^\w+$", r"\W", r"\d", r"[\w-]+$", r"[^\w\s]", r"[\s\S]", r"[^\W\d_]+", r"\s", r"[]a]", r"[^]a]"),
        *(r"[a\]]b", "a|b", "(?i)A", r"\Z", "x.y", "a{,2}b", r"\u00e9", r"caf\xe9", "[é-ü]", r"\S+\s\S+", r"[\d\D]x"),
        *(r"[\D]", "(?P<n>a)", r"\\", r"[\\]", r"\^", "[.]", r"\bfree\b", "$", r"[\-x]", "(?s)a.b", r"\t", r"\\1"),
    ],
)
def test_a_pattern_means_what_it_means_in_python(how, pattern):
    python = {"contains": re.search, "match": re.match, "fullmatch": re.fullmatch}[how]
    expected = [pd.NA if text is None else python(pattern, text) is not None for text in TEXTS]
    assert patterns.matches(COLUMN, how, pattern).tolist() == expected


@pytest.mark.parametrize("pattern", [r"(a+)+$", "(a|aa)+$", "(.*)*x", r"^(\w+\s?)*$", "(a|a)*b"])
def test_a_catastrophic_pattern_ends(pattern):
    frame = pd.DataFrame({"t": ["a" * 100_000 + "!", "b"]})
    assert kept(f"not t.str.contains({pattern!r}) or t == 'b'", frame)[1]


@pytest.mark.parametrize(
    "pattern",
    ["a(?=b)", "(?<!x)y", r"(a)\1", "(?P<q>a)(?P=q)", "(?>a)", "a++", "(", "((a{99}){99}){99}", "(" * 2000, r"[\Wa]"],
)
def test_a_pattern_without_a_bound_is_refused_by_the_schema(pattern):
    for how in ("contains", "match", "fullmatch"):
        with pytest.raises(ValueError, match=r"where: the pattern '.*"):
            Keep(where=f"text.str.{how}({pattern!r})")


def test_a_pattern_put_together_is_refused_where_it_is_used():
    with pytest.raises(StrataError, match=r"keep.where .*: the pattern '\(\?=a\)' has '\(\?=': look-around"):
        kept("t.str.contains('(?=' + 'a)')", pd.DataFrame({"t": ["a"]}))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("t.str.contains('A', case=False)", [True, False, False]),
        ("t.str.contains('.', regex=False)", [False, True, False]),
        ("t.str.contains('(?=', regex=False)", [False, False, False]),
        ("t.str.contains('A', flags=2)", [True, False, False]),
        ("t.str.contains('a', na=True)", [True, False, True]),
        ("not t.str.match('a')", [False, True, False]),
    ],
)
def test_the_options_are_those_of_pandas(where, expected):
    assert kept(where, pd.DataFrame({"t": ["a", "b.", None]})) == expected


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("html", "<div>" * 100_000 + "x", "x"),
        ("html", "a" + "<b>" * 100_000 + "x &amp; y", "ax & y"),
        ("html", "<ul><li>" * 50_000 + "x<script>no</script>", "x"),
        ("unicode", "e" + "\u0301\u0323" * 100_000, None),
    ],
)
def test_cleaning_a_hostile_text_ends(step, text, expected):
    cleaned = STEPS[step](text)
    assert expected is None or cleaned.strip() == expected


def test_many_tags_that_end_by_themselves_are_parsed_as_few_are():
    text = "".join(f"<p>one<br>two <i>{i}</i><li>x" for i in range(3000))
    few = "".join(f"<p>one<br>two <i>{i}</i><li>x" for i in range(3))
    assert STEPS["html"](text).startswith(STEPS["html"](few))
