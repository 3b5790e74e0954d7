"""Rows of several labels are refused in one line, unless the recipe says which label counts."""

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from strata.base.errors import StrataError
from strata.commands.recipe import main
from strata.several_labels import list_items, several, single
from tests.conftest import reviews

TEXTS = [text for text, _ in reviews(60)]


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        ("['a' 'b']", ["a", "b"]),
        ("('a', \"b\")", ["a", "b"]),
        ("{'a', 'b'}", ["a", "b"]),
        ("[a, b c]", ["a", "b c"]),
        ("[3 27]", ["3", "27"]),
        ('["a"]', ["a"]),
        ("[]", []),
        ('["a", "b", "a"]', ["a", "b"]),
        ('[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]', ["a", "b"]),
        ('[{"label": "a", "by": 3}]', ["a"]),
        ('[{"x": 1}]', ['{"x": 1}']),
        ("[removed]", None),
        ("(none)", None),
        ("a, b", None),
        ('{"a": 1}', None),
        ("[" * 1000, None),
    ],
)
def test_a_list_of_labels_is_known_in_every_spelling(value, items):
    assert list_items(value) == items


def test_a_list_of_one_label_is_that_label():
    assert [single(value) for value in ('["spam"]', "['spam']", "spam", "[]", "[spam]")] == [
        *["spam"] * 3,
        "",
        "[spam]",
    ]


@pytest.mark.parametrize(
    ("value", "split"),
    [("a|b", "|"), ("a; b", ";"), ("b,a", ","), ("['x', 'y']", "list"), ("a, c", None), ("a", None), ("a,", None)],
)
def test_parts_that_are_labels_of_their_own_are_several(value, split):
    assert several(value, {"a", "b"}.__contains__) == split


def write(project, values, name="rows.jsonl"):
    rows = [{"text": text, "label": values[i % len(values)]} for i, text in enumerate(TEXTS)]
    path = project.raw(name)
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


LISTS = [["late", "cold"], ["cold", "late"], ["late"], "cold"]
MARKED = ["late|cold", "cold|late", "late", "cold"]


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (LISTS, {"late": "late", "cold": "cold", "both": '["late", "cold"]', "other": '["cold", "late"]'}),
        (LISTS, {"late": "late", "other": "*"}),
        (LISTS, {"late": "late", "cold": "cold"}),
        (MARKED, {"late": "late", "cold": "cold", "both": "late|cold", "other": "cold|late"}),
        (MARKED, {"late": "late", "other": "*"}),
    ],
)
def test_rows_of_several_labels_are_refused(project, values, labels):
    write(project, values)
    project.recipe(source={"train": "rows.jsonl"}, labels=labels, positive="late" if len(labels) == 2 else None)
    project.run("ingest")
    with pytest.raises(StrataError, match=r"train.parquet: 30 rows have several labels in label, such as .* a row can"):
        project.run("standardize")
    assert not (project.root / "data/standardize").exists()


def standardized(project):
    project.run("ingest", "standardize")
    table = pq.read_table(project.root / "data/standardize/train.parquet")
    names = json.loads((project.root / "data/standardize/labels.json").read_text())["labels"]
    return pd.Series([names[i] for i in table["label"].to_pylist()]).value_counts().to_dict()


def test_the_first_of_several_labels_counts_where_the_recipe_says_so(project):
    write(project, LISTS)
    label = {"column": "label", "split": "list"}
    project.recipe(source={"train": "rows.jsonl"}, columns={"label": label}, labels={"late": "late", "cold": "cold"})
    project.recipe(positive="late")
    assert standardized(project) == {"late": 30, "cold": 30}


def test_one_of_several_labels_is_asked_for(project):
    write(project, ["late|cold", "cold", "slow"])
    label = {"column": "label", "split": "|", "has": "cold"}
    project.recipe(source={"train": "rows.jsonl"}, columns={"label": label}, labels={"no": False, "cold": True})
    project.recipe(positive="cold")
    assert standardized(project) == {"cold": 40, "no": 20}


def test_a_combination_that_a_recipe_lists_is_a_label(project):
    write(project, MARKED)
    labels = {"late": "late", "cold": "cold", "both": ["late|cold", "cold|late"]}
    project.recipe(source={"train": "rows.jsonl"}, labels=labels, positive=None)
    assert standardized(project) == {"both": 30, "late": 15, "cold": 15}


@pytest.mark.parametrize("last", ["0", "1"])
def test_columns_of_0_and_1_are_a_label_where_one_is_set(project, last):
    frame = pd.DataFrame({"text": TEXTS, "a": [1, 0, 0] * 20, "b": [0, 1, 0] * 20, "c": [0, 0, 1] * 20})
    frame.loc[59, "a"] = int(last)
    frame.to_csv(project.raw("rows.csv"), index=False)
    project.recipe(source={"train": "rows.csv"}, columns={"label": ["a", "b", "c"]}, positive=None)
    project.recipe(labels={"a": "a", "b": "b", "c": "c"})
    if last == "1":
        with pytest.raises(StrataError, match=r"1 rows have several of the columns a, b, c set, such as \['a', 'c'\]"):
            standardized(project)
    else:
        assert standardized(project) == {"a": 20, "b": 20, "c": 20}


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        ({"label": ['["a", "b"]', '["b", "a"]', "a"] * 20}, "40 rows have several labels in label, such as"),
        ({"tags": ["a|b", "a", "b"] * 20}, "20 rows have several labels in tags, such as 'a|b'"),
        ({"tags": ["a, b", "b, a", "c"] * 20}, "40 rows have several labels in tags, such as 'a, b'"),
        (
            {name: [1, int(name == "u")] * 30 for name in ("u", "v", "w")},
            "30 of 60 rows have several labels, since more than one of the columns u, v, w is set",
        ),
        ({name: [True, False] * 30 for name in ("is_x", "is_y", "is_z")}, "30 of 60 rows have several labels, since"),
    ],
)
def test_strata_recipe_refuses_several_labels_and_says_what_to_do(project, monkeypatch, frame, sentence):
    monkeypatch.chdir(project.root)
    pd.DataFrame({"text": TEXTS} | frame).to_csv("tags.csv", index=False)
    with pytest.raises(StrataError) as raised:
        main(["tags.csv"])
    assert sentence in str(raised.value)
    assert "--label" in str(raised.value)
    assert not (project.root / "recipes/tags.yaml").exists()


@pytest.mark.parametrize(
    ("options", "rows"),
    [(["--first"], {"late": 30, "cold": 30}), (["--has", "cold"], {"cold": 45, "not_cold": 15})],
)
def test_strata_recipe_writes_which_of_several_labels_counts(project, monkeypatch, options, rows):
    monkeypatch.chdir(project.root)
    main([str(write(project, LISTS)), "--force", "--name", "sample", *options])
    assert standardized(project) == rows


def test_strata_recipe_reads_columns_of_0_and_1_of_which_one_is_set(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    frame = {"text": TEXTS} | {f"n{k}": [int(i % 3 == k) for i in range(60)] for k in range(3)}
    pd.DataFrame(frame).to_csv("hot.csv", index=False)
    main(["hot.csv", "--force", "--name", "sample"])
    assert "not sure: the label is the one column set among n0, n1, n2" in capsys.readouterr().out
    assert standardized(project) == {"n0": 20, "n1": 20, "n2": 20}


def test_a_text_of_lists_and_separators_is_no_label(project, monkeypatch):
    monkeypatch.chdir(project.root)
    frame = {"text": TEXTS, "helpful": ["[0, 3]", "[1, 3]"] * 30, "overall": [1, 2, 3, 4, 5, 5] * 10}
    pd.DataFrame(frame).to_csv("amazon.csv", index=False)
    main(["amazon.csv", "--force", "--name", "sample"])
    assert standardized(project) == {"negative": 20, "positive": 30}
