"""Columns, filters, cleaning and labels, and the sentence for each thing that is wrong."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.standardize.filters import sample
from strata.base import tables
from strata.base.canonical import canonical
from strata.base.errors import StrataError
from strata.label_rules import OUTSIDE, label_ids
from strata.settings.recipe import Recipe
from strata.text.cleaning import STEPS
from tests.conftest import RECIPE, reviews, write_csv


def standardize(project, rows, header=("text", "label"), **recipe):
    write_csv(project.raw("reviews.csv"), rows, header)
    project.recipe(**recipe)
    project.run("ingest", "standardize")
    return tables.read(project.root / "data/standardize/train.parquet")


@pytest.mark.parametrize(
    ("steps", "text", "cleaned"),
    [
        (["html"], "a<br /><br />b", "a b"),
        (["html"], "half<b>way</b> &lt;3 &amp; more", "halfway <3 & more"),
        (["html"], "2 < 3 and 4 > 1", "2 < 3 and 4 > 1"),
        (["html"], "x<y, I <love it> <me@mail.com> <3 <a b", "x<y, I <love it> <me@mail.com> <3 <a b"),
        (["html"], "<title>Great</title>film<!-- no -->", " Great film"),
        (["html"], "x<script>alert(1)</script>y", "xy"),
        (["whitespace"], "  a\t\n b\u00a0c ", "a b c"),
        (["lowercase"], "ÀB", "àb"),
        (["punctuation"], "don't stop,now!", "dont stop now "),
        (["unicode"], "ﬁne\uff01", "fine!"),
        (["html", "punctuation", "whitespace"], "<p>Good!</p><p>Bad?</p>", "Good Bad"),
    ],
)
def test_each_cleaning_step_does_what_its_name_says(steps, text, cleaned):
    for step in steps:
        text = STEPS[step](text)
    assert text == cleaned


def test_the_recipe_may_name_every_cleaning_step():
    with pytest.raises(ValueError, match=", ".join(f"'{step}'" for step in list(STEPS)[:-1])):
        Recipe(**RECIPE | {"clean": ["no such step"]})


@pytest.mark.parametrize(
    ("labels", "values", "ids"),
    [
        ({"no": "neg", "yes": ["pos", "great"]}, ["pos", "neg", "great"], [1, 0, 1]),
        ({"rest": "*", "dwight": ["Dwight"]}, ["Jim", "Dwight", "Pam"], [0, 1, 0]),
        ({"no": False, "yes": True}, ["True", "false", "TRUE"], [1, 0, 1]),
        ({"no": 0, "yes": 1}, ["1", "0.0", "1.0"], [1, 0, 1]),
        ({"H\u00e4m": "H\u00e4m", "rest": "*"}, ["Ha\u0308m", "x"], [0, 1]),
        ({"low": "<= 4", "high": ">= 7"}, ["4", "5.5", "10", "-1"], [0, OUTSIDE, 1, 0]),
    ],
)
def test_label_rules_map_values_to_ids(labels, values, ids):
    assert label_ids(pd.Series(values), labels).tolist() == ids


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ({"a": ["x", "y"], "b": ["y", "z", "w"]}, r"the value 'y' belongs to both a and b"),
        ({"a": "*", "b": "*"}, r'"\*" stands for both a and b'),
    ],
)
def test_a_value_that_matches_two_labels_is_named(labels, sentence):
    with pytest.raises(StrataError, match=sentence):
        label_ids(pd.Series(["x", "y", "z", "z", "w"]), labels)


def test_numbers_and_booleans_have_one_spelling():
    assert [canonical(value) for value in (1, 1.0, "1.00", True, "true", "01", "1.5")] == [
        *["1"] * 3,
        *["true"] * 2,
        "01",
        "1.5",
    ]


def test_rows_are_kept_by_value_rank_and_word_count(project):
    rows = [("one two", "pos", "a"), ("one two three", "neg", "a"), ("<p>one</p>", "pos", "a"), ("one two", "neg", "b")]
    rows += [("one two", "pos", "c"), ("other words here", "neg", "c"), ("a b c d e f", "pos", "c")]
    kept = standardize(
        project,
        rows,
        ("text", "label", "who"),
        keep={"top": {"who": 2}, "equal": {"label": ["pos", "neg"]}, "min_words": 2, "max_words": 5},
        clean=["html", "whitespace"],
    )
    assert kept["id"].tolist() == [0, 1, 4, 5]
    counted = json.loads((project.root / "metrics/standardize.json").read_text())["train"]
    assert counted["filtered"] == {"top.who": 1, "min_words": 1, "max_words": 1}
    assert counted["labels"] == {"negative": 2, "positive": 2}


def test_ids_are_positions_in_the_source_and_continue_in_the_test_file(project):
    write_csv(project.raw("test.csv"), [("fresh words", "pos"), ("more fresh words", "neg")])
    rows = standardize(project, reviews(10), source={"train": "reviews.csv", "test": "test.csv"})
    assert rows["id"].tolist() == list(range(10))
    assert tables.read(project.root / "data/standardize/test.parquet")["id"].tolist() == [10, 11]


def test_the_most_frequent_values_are_those_of_the_training_file(project):
    train = [("a a", "pos", "x"), ("b b", "neg", "x"), ("c c", "pos", "y")]
    test = [("d d", "pos", "y"), ("e e", "neg", "y"), ("f f", "pos", "x"), ("g g", "neg", "x"), ("h h", "neg", "y")]
    write_csv(project.raw("test.csv"), test, ("text", "label", "who"))
    source = {"train": "reviews.csv", "test": "test.csv"}
    standardize(project, train, ("text", "label", "who"), source=source, keep={"top": {"who": 1}})
    kept = tables.read(project.root / "data/standardize/test.parquet")
    assert kept["text"].tolist() == ["f f", "g g"]


def test_a_group_has_one_spelling_in_every_file(project):
    rows = [("a", "pos", "1"), ("b", "neg", "1.0"), ("c", "neg", " ")]
    kept = standardize(project, rows, ("text", "label", "film"), columns={"group": "film"})
    assert kept["group"][:2].tolist() == ["1", "1"]
    assert kept["group"].isna()[2]


def test_an_empty_group_is_null(project):
    rows = standardize(
        project, [("a", "pos", "g"), ("b", "neg", "")], ("text", "label", "film"), columns={"group": "film"}
    )
    assert rows["group"][0] == "g"
    assert rows["group"].isna().tolist() == [False, True]


def test_labels_json_says_which_id_is_which_label(project):
    standardize(project, reviews(10))
    written = json.loads((project.root / "data/standardize/labels.json").read_text())
    assert written == {"labels": ["negative", "positive"], "positive": "positive"}


@pytest.mark.parametrize(
    ("rows", "recipe", "sentence"),
    [
        (
            reviews(4),
            {"columns": {"text": "txt"}},
            r"no column 'txt', which the recipe's columns.text names; did you mean text\?",
        ),
        (
            reviews(4),
            {"keep": {"equal": {"lable": 1}}},
            r"no column 'lable', which the recipe's keep.equal.lable names",
        ),
        ([*reviews(4), ("so so", "meh")], {}, r"1 value belongs to no label: 'meh' \(1 row\)"),
        (
            [("a", "pos"), ("b", "pos")],
            {},
            r"no row has the label negative \(found: positive 2\); every label needs rows",
        ),
        (
            [*reviews(4), ("", "pos"), (" ", "neg")],
            {},
            r"2 of 6 rows lack a text, a label or a date.*first: reviews.csv, line 6 \(empty text\)",
        ),
        (
            [*reviews(4), ("fine", "")],
            {},
            r"1 of 5 rows lack a text, a label or a date.*first: reviews.csv, line 6 \(no label\)",
        ),
        (reviews(4), {"keep": {"min_words": 99}}, r"no row has the label negative, positive \(found: no rows at all\)"),
    ],
)
def test_unusable_rows_stop_the_run_with_what_to_do(project, rows, recipe, sentence):
    with pytest.raises(StrataError, match=sentence):
        standardize(project, rows, **recipe)


def test_unusable_rows_are_set_aside_when_the_run_allows_them(project):
    project.params(standardize={"max_rejects": 0.5})
    kept = standardize(project, [*reviews(4), ("", "pos"), ("fine", "")])
    assert len(kept) == 4
    rejects = tables.read(project.root / "data/standardize/rejects.parquet")
    assert rejects[["id", "reason"]].to_numpy().tolist() == [[4, "empty text"], [5, "no label"]]


def test_a_corrupt_table_is_named_with_how_to_restore_it(project):
    project.run("ingest")
    (project.root / "data/ingest/train.parquet").write_bytes(b"PAR1garbagePAR1")
    with pytest.raises(
        StrataError, match=r"data/ingest/train.parquet: not a readable Parquet file .*dvc checkout --force"
    ):
        project.run("standardize")


def test_a_sample_keeps_every_label_at_its_share_and_repeats():
    label = np.array([0] * 70 + [1] * 25 + [2] * 5)
    drawn = sample(label, 20, seed=1)
    assert np.bincount(label[drawn]).tolist() == [14, 5, 1]
    assert drawn.tolist() == sorted(set(drawn.tolist())) == sample(label, 20, seed=1).tolist()
    assert drawn.tolist() != sample(label, 20, seed=2).tolist()
    assert sample(label, 1000, seed=1).tolist() == list(range(100))


def test_a_sample_keeps_text_and_label_together(project):
    pairs = reviews(300)
    rows = standardize(project, pairs, sample=30)
    assert len(rows) == 30
    assert all(pairs[row.id] == (row.text, ("neg", "pos")[row.label]) for row in rows.itertuples())
    names = sorted(path.name for path in (project.root / "data/standardize").iterdir())
    assert names == ["labels.json", "rejects.parquet", "special_tokens.json", "train.parquet"]


def test_labels_that_the_recipe_does_not_name_are_set_aside_when_the_run_allows_them(project):
    project.params(standardize={"max_rejects": 0.5})
    assert len(standardize(project, [*reviews(4), ("so so", "meh")])) == 4
    (reject,) = tables.read(project.root / "data/standardize/rejects.parquet").to_dict("records")
    assert reject == {
        "file": "reviews.csv",
        "reason": "label not in the recipe",
        "text": "so so",
        "label": "meh",
        "id": 4,
        "line": 6,
    }
    counted = json.loads((project.root / "metrics/standardize.json").read_text())["train"]
    assert counted["rejected"] == {"label not in the recipe": 1}


def test_several_text_columns_are_joined(project):
    rows = [("Title", "pos", "body one"), ("", "neg", "body two"), ("only", "neg", "")]
    kept = standardize(project, rows, ("text", "label", "body"), columns={"text": ["text", "body"]})
    assert kept["text"].tolist() == ["Title body one", "body two", "only"]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("season >= 2", [1, 2, 3]),
        ("season == 10 or who == 'x'", [0, 2]),
        ("`air date` > '2006'", [2, 3]),
        ("old == True and season > 1", [1, 3]),
        ("who.str.startswith('y')", [1, 3]),
    ],
)
def test_rows_are_kept_by_an_expression(project, where, kept):
    header = ("text", "label", "season", "who", "air date", "old")
    rows = [
        ("a", "pos", "1", "x", "2005", "true"),
        ("b", "neg", "2", "y", "2005", "True"),
        ("c", "neg", "10", "x", "2010-01-02", "false"),
        ("d", "pos", "2.5", "yy", "2007", "true"),
        ("e", "neg", "", "", "", ""),
    ]
    rows = standardize(project, rows, header, keep={"where": where})
    assert rows["id"].tolist() == kept


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("nothing >= 2", r"keep.where 'nothing >= 2' names no column; columns: text, label"),
        ("label >", r"keep: where: cannot be read as an expression; allowed: columns"),
        ("label", r"keep.where 'label': gives no true or false for each row"),
        ("@pd.x + label", r"keep: where: cannot be read as an expression; allowed: columns"),
    ],
)
def test_an_expression_that_cannot_be_evaluated_is_named(project, where, sentence):
    with pytest.raises(StrataError, match=sentence):
        standardize(project, reviews(4), keep={"where": where})


def test_rows_are_kept_by_length(project):
    rows = [("abc", "pos"), ("abcdef", "neg"), ("abcd", "pos"), ("ab", "neg")]
    kept = standardize(project, rows, keep={"min_characters": 3, "max_characters": 6})
    assert kept["text"].tolist() == ["abc", "abcdef", "abcd"]


def test_the_most_frequent_values_are_counted_among_the_rows_that_equal_keeps(project):
    rows = [("a", "pos", "x", "en"), ("b", "neg", "x", "en"), ("c", "pos", "y", "de"), ("d", "neg", "y", "de")]
    rows += [("e", "neg", "y", "de")]
    keep = {"equal": {"lang": "en"}, "top": {"who": 1}}
    assert standardize(project, rows, ("text", "label", "who", "lang"), keep=keep)["text"].tolist() == ["a", "b"]


def test_annotations_are_special_tokens_in_a_column_of_their_own(project):
    header = ("text", "label", "director", "writer")
    rows = [("one", "pos", "Ken  K", "B;J"), ("two", "neg", "", "<J>"), ("three", "neg", "Ken K", "")]
    write_csv(project.raw("test.csv"), [("four", "pos", "Unseen", "B"), ("five", "neg", "", "")], header)
    kept = standardize(
        project,
        rows,
        header,
        annotate=["director", {"column": "writer", "split": ";"}],
        source={"train": "reviews.csv", "test": "test.csv"},
    )
    assert kept["text"].tolist() == ["one", "two", "three"]
    assert kept["annotation"].tolist() == ["<director=Ken K> <writer=B>", "<writer=J>", "<director=Ken K>"]
    tokens = json.loads((project.root / "data/standardize/special_tokens.json").read_text())
    assert tokens == ["<director=Ken K>", "<writer=B>", "<writer=J>"]
    test = tables.read(project.root / "data/standardize/test.parquet")
    assert test["text"].tolist() == ["four", "five"]
    assert test["annotation"].fillna("none").tolist() == ["<writer=B>", "none"]


def test_every_format_standardizes_to_the_same_bytes(project):
    rows = [
        {"text": f"{text} \u00e9", "label": label == "pos", "film": i % 7}
        | {"old": i % 3 == 0, "season": float(i % 4), "score": [0.1, 1e-05, 1e17, None][i % 4]}
        for i, (text, label) in enumerate(reviews(40))
    ]
    project.recipe(labels={"negative": False, "positive": True}, columns={"group": "film"})
    project.recipe(annotate=["old", "season", "score"])
    frame = pd.DataFrame(rows)
    frame.to_csv(project.raw("rows.csv"), index=False)
    frame.to_json(project.raw("rows.jsonl"), orient="records", lines=True)
    frame.to_json(project.raw("rows.json"))
    frame.to_json(project.raw("array.json"), orient="records")
    frame.to_parquet(project.raw("rows.parquet"))
    frame.to_feather(project.raw("rows.feather"))
    names = ["rows.csv", "rows.jsonl", "rows.json", "array.json", "rows.parquet", "rows.feather"]
    outputs = []
    for name in names:
        project.recipe(source={"train": name})
        project.run("ingest", "standardize")
        outputs.append({p.name: p.read_bytes() for p in (project.root / "data/standardize").iterdir()})
    for name, written in zip(names, outputs, strict=True):
        assert written == outputs[0], name


def test_several_processes_write_the_same_bytes_as_one(project, monkeypatch):
    rows = [(text, label, f"<{i % 5}>") for i, (text, label) in enumerate(reviews(200))]
    arguments = (rows, ("text", "label", "who")), {"annotate": ["who"], "sample": 150}
    kept = standardize(project, *arguments[0], **arguments[1])
    assert [f"<{i % 5}>" for i in kept["id"]] == kept["attribute.who"].tolist()
    alone = {p.name: p.read_bytes() for p in (project.root / "data/standardize").iterdir()}
    metrics = (project.root / "metrics/standardize.json").read_text()
    monkeypatch.setattr(tables, "ROW_GROUP", 60)
    project.run("ingest")
    assert tables.row_groups(project.root / "data/ingest/train.parquet") == [60, 60, 60, 20]
    monkeypatch.undo()
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    project.run("standardize")
    assert {p.name: p.read_bytes() for p in (project.root / "data/standardize").iterdir()} == alone
    assert (project.root / "metrics/standardize.json").read_text() == metrics


def test_the_plots_count_rows_after_each_filter(project):
    rows = [("a a", "pos", "x"), ("b", "neg", "x"), ("c c", "neg", "x"), ("d", "pos", "y")]
    standardize(project, rows, ("text", "label", "who"), keep={"equal": {"who": "x"}, "min_words": 2})
    plot = pd.read_csv(project.root / "plots/standardize/class_balance.csv")
    counted = [tuple(row) for row in plot[["step", "label", "rows"]].to_numpy().tolist()]
    assert counted == [
        *[("source", "negative", 2), ("source", "positive", 2)],
        *[("equal.who", "negative", 2), ("equal.who", "positive", 1)],
        *[("min_words", "negative", 1), ("min_words", "positive", 1)],
        *[("kept", "negative", 1), ("kept", "positive", 1)],
    ]


PIECES = [
    "<br>",
    "<br />",
    "<BR/>",
    "</br>",
    "<b>",
    "<",
    ">",
    "&amp;",
    "&lt;",
    "a",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\t",
    "\u00a0",
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_the_fast_path_through_html_gives_what_the_parser_gives(text):
    from strata.text.cleaning import _parsed, html, whitespace

    assert html(text) == (_parsed(text) if set(text) & {"<", "&"} else text)
    assert whitespace(text) == " ".join(text.split())


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (
            {"n": "=< 4", "p": ">= 7"},
            r"labels.n is '=< 4', not a rule such as '<= 4'.*for this literal text, write \['=< 4'\]",
        ),
        ({"n": "<.4", "p": "*"}, r"labels.n is '<.4', not a rule"),
        ({"n": ["<= 4", 5], "p": ">= 7"}, r"labels.n has the rule '<= 4' in a list; a rule stands alone"),
    ],
)
def test_a_malformed_rule_is_refused(project, labels, sentence):
    project.recipe(labels=labels, positive="p")
    with pytest.raises(StrataError, match=sentence):
        project.run("standardize")


def test_a_rule_in_a_list_of_one_is_a_text(project):
    rows = [("a", ">=18"), ("b", "<18")]
    kept = standardize(project, rows, labels={"old": [">=18"], "young": ["<18"]}, positive="old")
    assert kept["label"].tolist() == [0, 1]


def test_vowel_marks_are_not_punctuation():
    assert STEPS["punctuation"]("\u092b\u093f\u0932\u094d\u092e\u0964") == "\u092b\u093f\u0932\u094d\u092e "
