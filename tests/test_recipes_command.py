"""A first recipe, guessed from a file of any format, that passes the schema and runs."""

import json
from collections import Counter

import pandas as pd
import pytest

from strata.base.errors import StrataError
from strata.commands.recipe import main
from strata.guessing.compose import scalar, string
from strata.guessing.label_names import name_labels
from strata.label_rules import OUTSIDE, canonical, label_ids
from strata.settings.reader import read_settings
from strata.settings.yaml_loader import parse_yaml, read_yaml
from tests.conftest import reviews

ROWS = reviews(60)


def written(project, monkeypatch, path, *options):
    """Write the recipe by the command, run the first stages with it, and return it."""
    monkeypatch.chdir(project.root)
    main([str(path), "--name", "sample", "--force", *options])
    project.run("ingest", "standardize")
    return read_yaml(project.root / "recipes/sample.yaml")


def frame(**columns):
    return pd.DataFrame({"text": [text for text, _ in ROWS]} | columns)


SENTIMENT = [label for _, label in ROWS]
FILES = {
    "words.csv": (frame(sentiment=SENTIMENT), "sentiment", {"neg": "neg", "pos": "pos"}, "pos"),
    "flags.jsonl": (
        frame(is_spoiler=[label == "pos" for label in SENTIMENT], user_id=[f"u{i % 9}" for i in range(60)]),
        "is_spoiler",
        {"not_spoiler": False, "spoiler": True},
        "spoiler",
    ),
    "grades.parquet": (
        frame(rating=[i % 10 + 1 for i in range(60)]),
        "rating",
        {"negative": "<= 4", "positive": ">= 7"},
        "positive",
    ),
    "numbers.json": (frame(target=[i % 3 for i in range(60)]), "target", {f"label_{i}": i for i in range(3)}, None),
    "no_header.tsv": (frame(label=SENTIMENT), "column_2", {"neg": "neg", "pos": "pos"}, "pos"),
    "odd.csv": (
        frame(topic=[["yes: no", "#1", "", "null"][i % 4] for i in range(60)]).assign(
            topic=lambda f: f.topic.replace("", "é")
        ),
        "topic",
        {"label_1": "#1", "null": "null", "yes_no": "yes: no", "é": "é"},
        None,
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_first_recipe_runs(project, monkeypatch, tmp_path, name, capsys):
    table, label, labels, positive = FILES[name]
    path = tmp_path / name
    match path.suffix:
        case ".csv":
            table.to_csv(path, index=False)
        case ".tsv":
            table.to_csv(path, index=False, header=False, sep="\t")
        case ".json":
            table.to_json(path)
        case ".jsonl":
            table.to_json(path, orient="records", lines=True)
        case ".parquet":
            table.to_parquet(path)
    recipe = written(project, monkeypatch, path)
    assert (recipe["columns"]["label"], recipe["labels"], recipe["positive"]) == (label, labels, positive)
    assert (project.root / "data/raw/sample" / name).samefile(path)
    printed = capsys.readouterr().out
    assert "next: dvc exp run -S recipe=sample" in printed
    assert "not staged, so dvc exp run --queue and --temp will not find the data: " in printed  # Git is missing
    grades = "rating holds grades: 24 rows up to 4 are negative, 24 from 7 on positive, 12 between are dropped"
    assert (grades in printed) == (name == "grades.parquet")
    assert ("perhaps user_id" in (project.root / "recipes/sample.yaml").read_text()) == (name == "flags.jsonl")


def test_doubts_are_told(project, monkeypatch, capsys):
    lines = [{"review": t, "summary": t + " so", "mark": i % 40, "kind": i % 2} for i, (t, _) in enumerate(ROWS)]
    project.raw("rows.jsonl").write_text("\n".join([*map(json.dumps, lines), "broken"]), encoding="utf-8")
    project.params(ingest={"max_rejects": 0.1})
    recipe = written(project, monkeypatch, project.raw("rows.jsonl"))
    assert recipe["columns"]["label"] == "kind"
    printed = capsys.readouterr().out
    for doubt in (
        "but text is also in summary",
        "the label is kind",
        "1 rows cannot be read, first line 61",
        "no names but",
    ):
        assert doubt in printed


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["gone.csv"], r"gone.csv: no such file; name a file of labelled text"),
        (["data/raw/sample/reviews.csv"], r"recipes/sample.yaml: is there already; --force replaces it"),
        (["other.csv"], r"other.csv: no column can be the label: it needs 2 to 1,000 distinct values.*; columns: a, b"),
    ],
)
def test_what_cannot_be_guessed_is_told(project, monkeypatch, argv, sentence):
    monkeypatch.chdir(project.root)
    (project.root / "other.csv").write_text("a,b\nx y z,q\nu v w,r\n", encoding="utf-8")
    with pytest.raises(StrataError, match=sentence):
        main(argv)
    assert not (project.root / "recipes/other.yaml").exists()


def labelled(column, values):
    """Name the labels of a column, and return the rows of each by the recipe's own rules."""
    made, _, doubts = name_labels(column, Counter(map(canonical, values)))
    names = dict(enumerate(made)) | {OUTSIDE: "dropped"}
    ids = label_ids(pd.Series(values, dtype="str"), made)
    return made, Counter(names[label] for label in ids), doubts


@pytest.mark.parametrize(
    ("column", "values", "low", "high", "dropped"),
    [
        ("score", ["0.1", "0.2", "0.3", "0.4"], "0.2", "0.3", 0),
        ("score", [f"{i / 10:.1f}" for i in range(11)], "0.3", "0.7", 3),
        ("stars", ["1", "2", "3", "4", "5"], "2", "4", 1),
        ("stars", ["1.0", "1.5", "2.0", "4.5", "5.0"], "2", "4.5", 0),
        ("rating", [str(i) for i in range(1, 11)], "4", "7", 2),
        ("rating", ["1", "2", "3", "4"], "2", "3", 0),
        ("polarity", ["-1", "-0.5", "0", "0.5", "1"], "-0.5", "0.5", 1),
        ("score", ["0", "1", "2", "50", "100"], "2", "100", 1),
        ("score", ["1e-05", "2e-05", "3e-05", "4e-05"], "0.00002", "0.00003", 0),
        ("count", [str(i) for i in range(31)], "10", "20", 9),
    ],
)
def test_grades_are_parted_at_values_that_rows_hold(column, values, low, high, dropped):
    made, rows, doubts = labelled(column, values)
    assert made == {"negative": f"<= {low}", "positive": f">= {high}"}
    assert rows["dropped"] == dropped
    negative, positive = rows["negative"], rows["positive"]
    assert f"{negative} rows up to {low} are negative, {positive} from {high} on positive, {dropped} " in doubts[0]


@pytest.mark.parametrize(
    ("column", "values", "names"),
    [
        ("rating", ["0", "1", "2"], ["label_0", "label_1", "label_2"]),
        ("score", ["0.5", "0.50", "1.5", "-0.5"], ["label_minus_0_5", "label_0_5", "label_1_5"]),
        ("polarity", ["-1", "0", "1"], ["negative", "neutral", "positive"]),
        ("sentiment", ["-1.0", "1.0"], ["negative", "positive"]),
        ("target", ["-2", "2", "3", "4"], ["label_minus_2", "label_2", "label_3", "label_4"]),
    ],
)
def test_few_numbers_are_labels_of_their_own(column, values, names):
    made, rows, _ = labelled(column, values)
    assert list(made) == names == list(dict.fromkeys([*made, *rows]))


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["a b", "a-b", "a_b_0"], ["a_b_1", "a_b_2", "a_b_0"]),
        (["a b", "a-b", "a_b_1", "a_b_2"], ["a_b_3", "a_b_4", "a_b_1", "a_b_2"]),
        (["?", "\U0001f600", "other"], ["other_1", "other_2", "other_3"]),
        ([f"{'word ' * 10}{i}" for i in range(3)], [f"{'word_' * 8}_{i}" for i in range(1, 4)]),
    ],
)
def test_every_value_has_a_name_of_its_own(values, names):
    made, rows, _ = labelled("topic", values)
    assert sorted(made) == sorted(names)
    assert set(rows.values()) == {1}


@pytest.mark.parametrize(
    ("values", "labels", "doubt"),
    [
        (["Pos", "pos ", "neg", " Neg"], {"neg": ["Neg", "neg"], "pos": ["Pos", "pos"]}, "for 'Neg' = 'neg', 'Pos' = "),
        (
            ["Pos", "pos "],
            {"pos_1": "Pos", "pos_2": "pos"},
            "'Pos' and 'pos' differ only in spelling; merge them if they are one label",
        ),
        (["*", "**", "< 3"], {"other_1": ["*"], "other_2": ["**"], "label_3": ["< 3"]}, None),
    ],
)
def test_values_that_rules_or_slips_resemble_keep_their_rows(project, monkeypatch, capsys, values, labels, doubt):
    path = project.root / "kinds.jsonl"
    frame(kind=(values * 60)[:60]).to_json(path, orient="records", lines=True)
    assert written(project, monkeypatch, path)["labels"] == labels
    metrics = json.loads((project.root / "metrics/standardize.json").read_text())["train"]
    assert set(metrics["labels"].values()) == {60 // len(labels)}
    assert doubt is None or doubt in capsys.readouterr().out


@pytest.mark.parametrize(
    "value",
    [
        "\U0001f3f4\U000e0067\U000e007f",
        "\U000f0000",
        "\u200b\u2028\ufeff",
        'a\n"b\\',
        "true",
        "Null",
        "-0",
        "007",
        "12",
        "#",
    ],
)
def test_yaml_reads_a_value_as_it_was_written(value):
    assert parse_yaml(f"{string(value)}: [{string(value)}]") == {value: [value]}
    assert canonical(parse_yaml(f"a: {scalar(value)}")["a"]) == value


def test_columns_and_labels_that_yaml_takes_for_other_types_run(project, monkeypatch):
    path = project.root / "odd.jsonl"
    rows = [{"1": text, "2": ["true", "false", "maybe"][i % 3]} for i, (text, _) in enumerate(ROWS)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    recipe = written(project, monkeypatch, path)
    assert recipe["columns"] | {"group": None} == {"text": "1", "label": "2", "group": None}
    assert recipe["labels"] == {"false": False, "maybe": "maybe", "true": True}


@pytest.mark.parametrize(
    ("header", "label", "doubted"),
    [
        (("awful film", "neg"), "kind", "awful film, neg"),
        (("0", "1"), "kind", "0, 1"),
        (("text", "Kind"), "kind", "text, Kind"),
        (("what a film it was", "label"), "kind", "what a film it was, label"),
        (("f" * 41, "label"), "kind", f"{'f' * 41}, label"),
        (("review", "neg"), "pos", "review, neg"),
        (("text", "label"), "kind", None),
        (("text", "spam"), "0", None),
        (("film", "stars"), "kind", None),
    ],
)
def test_a_first_line_that_may_be_a_row_is_doubted(project, monkeypatch, capsys, header, label, doubted):
    path = project.root / "rows.csv"
    frame(label=[[label, "1"][i % 2] for i in range(60)]).to_csv(path, index=False, header=header)
    assert written(project, monkeypatch, path)["columns"]["text"] == header[0]
    sentence = "not sure: the first line was taken for the names of the columns: "
    printed = capsys.readouterr().out
    assert f"{sentence}{doubted}\n" in printed if doubted else sentence not in printed


def test_names_that_no_line_gave_are_not_doubted(project, monkeypatch, capsys):
    path = project.root / "rows.csv"
    frame(kind=SENTIMENT).to_csv(path, index=False, header=False)
    written(project, monkeypatch, path)
    frame(kind=SENTIMENT).rename(columns={"text": "awful film"}).to_json(path.with_suffix(".json"))
    written(project, monkeypatch, path.with_suffix(".json"))
    assert "the first line was taken" not in capsys.readouterr().out


def test_a_label_of_too_many_values_is_refused_in_one_line(project, monkeypatch):
    monkeypatch.chdir(project.root)
    rows = [
        {"text": f"a b c {i}", "label\nhere": f"v{i % 1001}"} | {f"c{k}": 1 for k in range(30)} for i in range(3003)
    ]
    path = project.root / "many.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(StrataError) as raised:
        main([str(path)])
    assert str(raised.value) == (
        f"{path}: no column can be the label: it needs 2 to 1,000 distinct values, most of them repeated; "
        "columns: text, label here, c0, c1, c2, c3, c4, c5 and 24 more"
    )


def test_a_thousand_labels_are_told_of(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    path = project.root / "many.jsonl"
    rows = [{"text": f"a b c {i}", "label": f"v{i % 1000}"} for i in range(3000)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    main([str(path), "--name", "many"])
    assert "not sure: 1,000 labels, one for each value; should some be merged?\n" in capsys.readouterr().out
    project.params(recipe="many")
    assert len(read_settings(project.root / "params.yaml", project.root / "recipes")[1].labels) == 1000


def guessed(project, monkeypatch, capsys, **columns):
    """Write a file of these columns, guess a recipe for it, and return the recipe and what was said."""
    path = project.root / "rows.csv"
    frame(**columns).to_csv(path, index=False)
    recipe = written(project, monkeypatch, path)
    return recipe, capsys.readouterr().out


@pytest.mark.parametrize(
    ("columns", "label"),
    [
        ({"class_size": [1, 2] * 30, "label": ["a", "b", "c"] * 20}, "label"),
        ({"sentiment_id": [0, 1] * 30, "sentiment": ["a", "b", "c"] * 20}, "sentiment"),
        ({"annotator": ["x", "y"] * 30, "verdict": ["a", "b", "c"] * 20}, "verdict"),
        ({"created_at": ["2024", "2025"] * 30, "verdict": ["a", "b", "c"] * 20}, "verdict"),
    ],
)
def test_a_whole_name_goes_before_a_part_of_one(project, monkeypatch, capsys, columns, label):
    assert guessed(project, monkeypatch, capsys, **columns)[0]["columns"]["label"] == label


def test_of_two_labels_with_as_many_rows_none_is_the_rarer(project, monkeypatch, capsys):
    printed = guessed(project, monkeypatch, capsys, label=["cold", "warm"] * 30)[1]
    assert "positive is warm, though both labels have as many rows and neither name says so" in printed
    assert "rarer" not in printed
    assert (
        "positive is cold, the rarer label"
        in guessed(project, monkeypatch, capsys, label=["cold", "warm", "warm"] * 20)[1]
    )


def test_a_group_and_a_date_are_offered(project, monkeypatch, capsys):
    columns = {"label": ["cold", "warm"] * 30, "batch_id": [i // 2 for i in range(60)]}
    columns["when"] = [f"2024-05-{i % 28 + 1:02}" for i in range(60)]
    recipe, printed = guessed(project, monkeypatch, capsys, **columns)
    assert "perhaps columns.group: batch_id, whose 30 values repeat; it is not set" in printed
    assert "perhaps columns.date: when, such as '2024-05-01', for split.by=date; not set" in printed
    assert recipe["columns"]["group"] is recipe["columns"]["date"] is None
    text = (project.root / "recipes/sample.yaml").read_text()
    assert "group: null # perhaps batch_id:" in text
    assert "date: null # perhaps when, for split.by: date" in text


@pytest.mark.parametrize("values", [["5.70306E+17", "5.70307E+17"], ["570306133677760000", "570306133677770000"]])
def test_rounded_ids_are_no_group(project, monkeypatch, capsys, values):
    printed = guessed(project, monkeypatch, capsys, label=["cold", "warm"] * 30, tweet_id=values * 30)[1]
    assert "columns.group" not in printed


def test_labels_of_too_few_rows_are_told_with_the_line_that_merges_them(project, monkeypatch, capsys):
    label = ["a", "b"] * 28 + ["c", "c", "d", "e"]
    printed = guessed(project, monkeypatch, capsys, label=label)[1]
    assert "3 of 5 labels have fewer than 5 rows, too few for some split; to merge them, replace" in printed
    assert 'by "other: [c, d, e]"' in printed


def test_the_template_is_no_name_for_a_recipe(project, monkeypatch):
    monkeypatch.chdir(project.root)
    with pytest.raises(StrataError, match=r"recipes/template.yaml is there to be copied; choose another --name"):
        main([str(project.raw("reviews.csv")), "--name", "template", "--force"])
