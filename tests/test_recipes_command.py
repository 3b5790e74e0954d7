"""A first recipe, guessed from a file of any format, that passes the schema and runs."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from stages.standardize.dates import utc_times
from strata.base import tables
from strata.base.canonical import canonical
from strata.base.errors import StrataError
from strata.commands.recipe import main
from strata.guessing.compose import scalar, string
from strata.guessing.label_names import name_labels
from strata.label_rules import OUTSIDE, label_ids
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
        "1 row cannot be read, first line 61",
        "no names but",
    ):
        assert doubt in printed


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["gone.csv"], r"gone.csv: no such file; name a file of labelled text"),
        (["-"], r"-: standard input is not read; write it to a file with a suffix, and name that file"),
        (["othr.csv"], r"othr.csv: no such file; did you mean other.csv\?$"),
        (["data/raw/sample/Review.tsv"], r"no such file; did you mean data/raw/sample/reviews.csv\?$"),
        (
            ["mine", "other.csv"],
            r"mine: no such file; the name of a recipe is an option: strata recipe other.csv --name",
        ),
        (["other.csv", "b.csv", "c.csv"], r"3 files, other.csv and so on; name one file, or a folder of files"),
        (["recipes/sample.yaml"], r"recipes/sample.yaml: a recipe, not data; .* run it: dvc exp run -S recipe=sample"),
        (
            ["sample.html"],
            r"sample.html: .html is not read; it is HTML; .*pandas.read_html\(sys.argv\[1\]\).* sample.html \(needs",
        ),
        (["data/raw/sample/reviews.csv"], r"recipes/sample.yaml: is there already; --force replaces it"),
        (
            ["other.csv"],
            r"other.csv: no column can be the label, which needs .*: a \(the text\), b \(2 values in 2 rows\)",
        ),
    ],
)
def test_what_cannot_be_guessed_is_told(project, monkeypatch, argv, sentence):
    monkeypatch.chdir(project.root)
    (project.root / "other.csv").write_text("a,b\nx y z,q\nu v w,r\n", encoding="utf-8")
    (project.root / "sample.html").touch()
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
        ("is_toxic", ["0", "1"], ["not_toxic", "toxic"]),
        ("annotation.is_toxic", ["0", "1"], ["not_toxic", "toxic"]),
        ("hasSpoiler", ["1.0", "0.0"], ["not_spoiler", "spoiler"]),
        ("toxic", ["0", "1"], ["label_0", "label_1"]),
        ("is_toxic", ["0", "1", "2"], ["label_0", "label_1", "label_2"]),
        ("is_label", ["0", "1"], ["label_0", "label_1"]),
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
    ("column", "values", "names"),
    [
        ("has_spoiler", ["no", "yes"], ["not_spoiler", "spoiler"]),
        ("Is it spam", ["False", "True"], ["not_it_spam", "it_spam"]),
        ("Urgent?", ["False", "True"], ["not_urgent", "urgent"]),
        ("label", ["False", "True"], ["false", "true"]),
        ("data.label", ["False", "True"], ["false", "true"]),
        ("topic", ["no", "yes"], ["no", "yes"]),
        ("issue", ["0", "1"], ["label_0", "label_1"]),
    ],
)
def test_answers_of_yes_and_no_are_named_after_their_question(column, values, names):
    made, positive, _ = name_labels(column, Counter(map(canonical, values)))
    assert list(made) == names
    assert positive == names[1]


@pytest.mark.parametrize("grade", ["{i} out of 5", "{i}/5", "{i} Stars", "{stars}"])
def test_grades_in_words_and_stars_are_parted(project, monkeypatch, capsys, grade):
    values = [grade.format(i=i, stars="★" * i + "☆" * (5 - i)) for i in range(1, 6)]
    recipe, printed = told(project, monkeypatch, capsys, verdict=values * 12)
    assert recipe["labels"] == {"negative": values[:2], "positive": values[3:]}
    assert standardized(project, recipe) == {"negative": 24, "positive": 24}
    assert f"24 rows up to {values[1]} are negative, 24 from {values[3]} on positive, 12 between" in printed


@pytest.mark.parametrize(
    "values", [["1/2", "2/3", "3/4", "4/5"], ["1 star", "2 stars", "3 stars"], ["4/5", "a", "b", "c"]]
)
def test_few_grades_and_fractions_are_labels_of_their_own(values):
    assert len(labelled("topic", values)[0]) == len(values)


def test_entities_are_decoded_in_names_alone():
    assert labelled("team", ["R&amp;D", "Q&#39;s"])[0] == {"q_s": "Q&#39;s", "r_d": "R&amp;D"}


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
        (["!x", "=y", "z"], {"x": ["!x"], "y": ["=y"], "z": "z"}, None),
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
        f"{path}: no column can be the label, which needs 2 to 1,000 distinct values, most of them repeated: "
        "text (the text), label here (over 1,000 values), c0 (one value), c1 (one value), c2 (one value), "
        "c3 (one value), c4 (one value), c5 (one value) and 24 more; name one with --label, or a file that has one"
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
    assert "perhaps group: batch_id under columns, since its 30 values repeat; not set" in printed
    assert "perhaps date: when under columns, such as '2024-05-01', for split.by=date; not set" in printed
    assert recipe["columns"]["group"] is recipe["columns"]["date"] is None
    text = (project.root / "recipes/sample.yaml").read_text()
    assert "group: null # perhaps batch_id:" in text
    assert "date: null # perhaps when, for split.by: date" in text


@pytest.mark.parametrize("values", [["5.70306E+17", "5.70307E+17"], ["570306133677760000", "570306133677770000"]])
def test_rounded_ids_are_no_group(project, monkeypatch, capsys, values):
    printed = guessed(project, monkeypatch, capsys, label=["cold", "warm"] * 30, tweet_id=values * 30)[1]
    assert "perhaps group" not in printed


def test_labels_of_too_few_rows_are_told_with_the_line_that_merges_them(project, monkeypatch, capsys):
    label = ["a", "b"] * 28 + ["c", "c", "d", "e"]
    printed = guessed(project, monkeypatch, capsys, label=label)[1]
    assert "3 of 5 labels have fewer than 3 rows, too few for some split; to merge them, replace" in printed
    assert 'by "other: [c, d, e]"' in printed


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (
            [f"c{i // 2}" for i in range(60)],
            "30 of 30 labels have fewer than 3 rows, too few for some split; to merge labels of like meaning, replace "
            'their lines in the labels of the recipe by one, such as "other: [c0, c1]"',
        ),
        (["a", "b"] * 29 + ["c"] * 2, "1 of 3 labels has fewer than 3 rows, too few for some split; add rows of c, or"),
        (["a"] * 58 + ["b"] * 2, "1 of 2 labels has fewer than 3 rows, too few for some split; add rows of b\n"),
    ],
)
def test_rare_labels_that_one_line_does_not_merge_are_told(project, monkeypatch, capsys, label, said):
    printed = told(project, monkeypatch, capsys, label=label)[1]
    assert said in printed
    merge = ", or merge them" if len(set(label)) > 2 else ""
    assert f"\nnext: add rows of the rare labels{merge}; then dvc exp run" in printed


@pytest.mark.parametrize(
    ("marks", "labels"),
    [
        (("__label__ham ", "__label__spam "), {"ham": "ham", "spam": "spam"}),
        (("HAM ", "SPAM "), {"ham": "HAM", "spam": "SPAM"}),
        (("ABBR ", "LOC_CITY "), {"abbr": "ABBR", "loc_city": "LOC_CITY"}),
        (("ham ", "spam "), {"ham": "ham", "spam": "spam"}),
        (("HUM:ind ", "NUM:count "), {"hum": "HUM", "num": "NUM"}),
        (("0 ", "1 "), {"label_0": 0, "label_1": 1}),
    ],
)
def test_lines_that_begin_with_their_label_have_a_first_recipe(project, monkeypatch, marks, labels):
    """Those that docs/data.md names, and words that are hardly anything but a label."""
    path = project.root / "lines.txt"
    path.write_text("".join(f"{marks[i % 2]}{text}\n" for i, (text, _) in enumerate(ROWS)), encoding="utf-8")
    recipe = written(project, monkeypatch, path)
    assert (recipe["columns"]["text"], recipe["columns"]["label"]) == ("text", "label")
    assert recipe["labels"] == labels
    assert tables.read(project.root / "data/standardize/train.parquet")["text"].tolist() == [text for text, _ in ROWS]


def test_lines_that_begin_with_any_other_word_have_no_label(project, monkeypatch):
    monkeypatch.chdir(project.root)
    words = ("good ", "dull ")
    text = "".join(f"{words[i % 2]}{text}\n" for i, (text, _) in enumerate(ROWS))
    (project.root / "lines.txt").write_text(text, encoding="utf-8")
    with pytest.raises(StrataError, match=r"lines.txt: no column can be the label"):
        main(["lines.txt"])


def test_the_template_is_no_name_for_a_recipe(project, monkeypatch):
    monkeypatch.chdir(project.root)
    with pytest.raises(StrataError, match=r"recipes/template.yaml is there to be copied; choose another --name"):
        main([str(project.raw("reviews.csv")), "--name", "template", "--force"])


def from_rows(project, monkeypatch, capsys, rows, *options):
    """Guess a recipe for rows of JSON, and return the recipe and what was said."""
    path = project.root / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    monkeypatch.chdir(project.root)
    main([str(path), "--name", "sample", "--force", *options])
    return read_yaml(project.root / "recipes/sample.yaml"), capsys.readouterr().out


def told(project, monkeypatch, capsys, **columns):
    """As `guessed`, without running a stage."""
    return from_rows(project, monkeypatch, capsys, frame(**columns).to_dict("records"))


def standardized(project, recipe, **changes):
    """Run the first stages with a changed recipe; return the rows of each label."""
    project.recipe(**recipe | changes)
    project.run("ingest", "standardize")
    return json.loads((project.root / "metrics/standardize.json").read_text())["train"]["labels"]


def keep_line(printed, key):
    """Return what the sentence says to add to keep."""
    return parse_yaml(re.search(rf"add ({key}: .*) to keep", printed)[1])


def test_keys_of_objects_are_the_text_and_the_label(project, monkeypatch, capsys):
    rows = [
        {"id": f"a{i}", "data": {"text": text, "lang": "en"}, "annotation": {"label": label, "by": "x"}}
        for i, (text, label) in enumerate(ROWS)
    ]
    recipe, _ = from_rows(project, monkeypatch, capsys, rows)
    assert recipe["columns"]["text"] == "data.text"
    assert recipe["columns"]["label"] == "annotation.label"
    keep = {"min_words": 1, "where": "`data.lang` == 'en'"}
    assert standardized(project, recipe, keep=keep) == {"neg": 30, "pos": 30}


@pytest.mark.parametrize(
    ("columns", "reasons"),
    [
        ({"id": range(60)}, "id (numbers), label (2 values that repeat)"),
        ({"doc_id": [f"d{i}" for i in range(60)]}, "doc_id (ids), label (2 values that repeat)"),
        ({"when": [f"2024-05-01 10:{i:02}" for i in range(60)]}, "when (dates), label (2 values that repeat)"),
        ({"link": [f"https://x.org/{i}" for i in range(60)]}, "link (addresses), label (2 values that repeat)"),
        ({"note": ["one and the same"] * 60}, "note (one value), label (2 values that repeat)"),
        ({"words": [["a", "b", str(i)] for i in range(60)]}, "words (lists or objects), label (2 values that"),
        ({"colour": ["red", "blue", "green"] * 20}, "colour (3 values that repeat), label (2 values that"),
    ],
)
def test_a_missing_text_is_told_with_why_no_column_is_it(project, monkeypatch, capsys, columns, reasons):
    rows = pd.DataFrame(columns | {"label": SENTIMENT}).to_dict("records")
    with pytest.raises(StrataError) as raised:
        from_rows(project, monkeypatch, capsys, rows)
    assert f"no column can be the text: {reasons}" in str(raised.value)
    assert "name one with --text" in str(raised.value)


def test_labels_of_several_words_are_not_taken_for_the_text(project, monkeypatch, capsys):
    rows = [{"no": i, "label": ["a very good film", "a very bad film"][i % 2]} for i in range(60)]
    with pytest.raises(StrataError, match=r"can be the text: no \(numbers\), label \(2 values that repeat\)"):
        from_rows(project, monkeypatch, capsys, rows)


def test_dates_are_no_labels(project, monkeypatch, capsys):
    rows = frame(when=["1/2/2024", "2/1/2024"] * 30).to_dict("records")
    with pytest.raises(StrataError, match=r"can be the label, .*: text \(the text\), when \(dates\); name one"):
        from_rows(project, monkeypatch, capsys, rows)


def test_short_texts_that_differ_are_texts(project, monkeypatch, capsys):
    rows = [{"name": f"name{'abcdefghij'[i % 10]}{i}", "gender": "fm"[i % 2]} for i in range(60)]
    recipe, _ = from_rows(project, monkeypatch, capsys, rows)
    assert recipe["columns"]["text"] == "name"


def test_one_column_is_not_both_text_and_label(project, monkeypatch, capsys):
    with pytest.raises(StrataError, match="--text and --label both name 'text'; the text and the label are two"):
        from_rows(project, monkeypatch, capsys, frame(label=SENTIMENT).to_dict("records"), *ONE_COLUMN)


ONE_COLUMN = ("--text", "text", "--label", "text")
TAGS = [[], ["a", "b"], ["b"]]


def test_an_empty_list_lacks_the_label_that_is_asked_for(project, monkeypatch, capsys):
    rows = frame(tags=TAGS * 20).to_dict("records")
    recipe, printed = from_rows(project, monkeypatch, capsys, rows, "--has", "a")
    assert "20 rows have an empty list in tags, which counts as false" in printed
    assert "no tags" not in printed
    assert standardized(project, recipe) == {"not_a": 40, "a": 20}


@pytest.mark.parametrize(
    ("tags", "options", "labels"),
    [
        (TAGS, ["--first"], {"a": 20, "b": 20}),
        ([[], ["a"], ["b"]], [], {"a": 20, "b": 20}),
        ([None, "a|b", "b"], ["--first"], {"a": 20, "b": 20}),
        ([None, "a|b", "b"], ["--has", "a"], {"not_a": 20, "a": 20}),
        ([None, "a", "b"], [], {"a": 20, "b": 20}),
    ],
)
def test_rows_without_a_label_are_left_out_by_the_line_that_is_told(
    project, monkeypatch, capsys, tags, options, labels
):
    rows = [{"text": text, "my tags": tags[i % 3]} for i, (text, _) in enumerate(ROWS)]
    recipe, printed = from_rows(project, monkeypatch, capsys, rows, *options)
    with pytest.raises(StrataError, match=r"\(no label\); fix them, drop rows without a label with keep.where: COLUMN"):
        standardized(project, recipe)
    assert "20 rows have no my tags; to leave them out, add where: " in printed
    assert standardized(project, recipe, keep=keep_line(printed, "where")) == labels
    step = re.search(r"\nnext: add where: (.*) to the recipe's keep; then dvc exp run -S recipe=sample\n", printed)[1]
    assert f"add where: {step} to keep" in printed.partition("\nnext: ")[0]


def test_the_next_step_allows_rows_that_cannot_be_used(project, monkeypatch, capsys):
    names = ("joy", "anger", "fear")
    rows = [
        {"text": text} | {name: int(i % 4 == k) for k, name in enumerate(names)} for i, (text, _) in enumerate(ROWS)
    ]
    path = project.root / "rows.jsonl"
    path.write_text("\n".join([*map(json.dumps, rows), "broken"]), encoding="utf-8")
    monkeypatch.chdir(project.root)
    main([str(path), "--name", "sample", "--force"])
    said = (
        "next: set standardize.max_rejects to 0.25 or more in params.yaml; fix the row that cannot be read, or set "
        "ingest.max_rejects to 0.02 or more in params.yaml; then dvc exp run -S recipe=sample\n"
    )
    assert said in capsys.readouterr().out
    project.params(standardize={"max_rejects": 0.25}, ingest={"max_rejects": 0.02})
    project.run("ingest", "standardize")


@pytest.mark.parametrize(
    ("date", "formats"),
    [
        ("2024-05-{day:02}", [None]),
        ("2024/05/{day:02} 10:30", [None]),
        ("May {day}, 2024", [None]),
        ("{day} May 2024", [None]),
        ("Mon May {day:02} 10:11:12 +0000 2024", [None]),
        ("17{day:02}000000", [None]),
        ("202405{day:02}", ["%Y%m%d"]),
        ("{day:02}/05/2024", ["%d/%m/%Y"]),
        ("5/{day}/24", ["%m/%d/%y"]),
        ("{day:02}.05.2024 10:11", ["%d.%m.%Y %H:%M"]),
        ("{day:02}-05-2024", ["%d-%m-%Y"]),
        ("05/{day:02}/2024 3:04:05 PM", ["%m/%d/%Y %I:%M:%S %p"]),
        ("{day:02}/05/2024, 10:11", ["%d/%m/%Y, %H:%M"]),
        ("{month:02}/{month:02}/2024", ["%d/%m/%Y", "%m/%d/%Y"]),
    ],
)
def test_the_date_is_offered_as_a_recipe_reads_it(project, monkeypatch, capsys, date, formats):
    values = [date.format(day=i % 28 + 1, month=i % 12 + 1) for i in range(60)]
    _, printed = told(project, monkeypatch, capsys, label=SENTIMENT, date=values)
    offer = re.search(r"perhaps date: (.*) under columns, such as", printed)[1]
    ways = [parse_yaml(f"date: {way}")["date"] for way in offer.split(" or ")]
    assert [way if isinstance(way, str) else way["format"] for way in ways] == [name or "date" for name in formats]
    assert f"date: null # perhaps {offer}, for split.by: date" in (project.root / "recipes/sample.yaml").read_text()
    for name in formats:
        assert utc_times(pd.Series(values, dtype="str"), name).notna().all()


@pytest.mark.parametrize(
    "values",
    [
        ["13/13/2024", "12/12/2024"],
        ["5/6", "6/7"],
        ["Mon Apr 06 22:19:45 PDT 2009"] * 2,
        ["1.2.2024 noon", "2.2.2024 noon"],
    ],
)
def test_a_date_that_no_recipe_reads_is_not_offered(project, monkeypatch, capsys, values):
    assert "perhaps date" not in told(project, monkeypatch, capsys, label=SENTIMENT, date=values * 30)[1]


@pytest.mark.parametrize("name", ["split", "set", "fold", "purpose"])
def test_a_column_of_splits_is_told_with_the_line_that_drops_the_test_rows(project, monkeypatch, capsys, name):
    splits = {name: ["train", "Train", "train", "test", "val"] * 12}
    recipe, printed = told(project, monkeypatch, capsys, kind=SENTIMENT, **splits)
    assert recipe["columns"]["label"] == "kind"
    assert f"{name} names splits (train 24, Train 12, test 12, val 12), which are not used" in printed
    assert "to keep the test rows, write train.csv and test.csv into a folder" in printed
    assert sum(standardized(project, recipe, keep=keep_line(printed, "equal")).values()) == 48


@pytest.mark.parametrize("other", ["title", "headline", "premise", "sentence1"])
def test_texts_that_belong_together_are_told_with_the_line_that_joins_them(project, monkeypatch, capsys, other):
    rows = [{other: f"title {i} one", "body": f"{text} {text}", "kind": label} for i, (text, label) in enumerate(ROWS)]
    recipe, printed = from_rows(project, monkeypatch, capsys, rows)
    assert f"but text is also in {other}; to join them, write text: [{other}, body]" in printed
    joined = recipe["columns"] | {"text": [other, "body"]}
    assert standardized(project, recipe, columns=joined) == {"neg": 30, "pos": 30}


@pytest.mark.parametrize(
    "values",
    [
        ["one value in all the rows of the file"],
        [f"Mon May {day:02} 10:11:12 +0000 2024" for day in range(1, 31)],
        ["the first of two kinds of rows", "the second of two kinds of rows"],
    ],
)
def test_what_repeats_and_dates_are_no_text_beside_the_text(project, monkeypatch, capsys, values):
    columns = {"label": SENTIMENT, "about": (values * 60)[:60]}
    assert "text is also in" not in told(project, monkeypatch, capsys, **columns)[1]


@pytest.mark.parametrize("value", ["-", "?", "N/A", "unknown", "null", "not sure", "-1"])
def test_a_value_that_reads_like_no_label_is_told_with_the_line_that_drops_it(project, monkeypatch, capsys, value):
    given = ["0", "1", "2"] if value == "-1" else ["neutral", "entailment", "contradiction"]
    values = [value if i % 10 == 0 else given[i % 3] for i in range(60)]
    recipe, printed = told(project, monkeypatch, capsys, gold_label=values)
    assert f"{value!r} in gold_label (6 rows) reads like no label, yet is one here" in printed
    labels = {name: rule for name, rule in recipe["labels"].items() if str(rule) != value}
    rows = standardized(project, recipe, labels=labels, keep=keep_line(printed, "where"))
    assert sorted(rows.values()) == [18, 18, 18]


@pytest.mark.parametrize("values", [["-1", "0", "1"], ["no", "yes", "maybe"], ["none", "some"]])
def test_a_label_that_may_be_meant_is_not_doubted(project, monkeypatch, capsys, values):
    assert "reads like no label" not in told(project, monkeypatch, capsys, label=(values * 30)[:60])[1]


@pytest.mark.parametrize(
    ("numbers", "names"),
    [("label", "label_text"), ("target", "target_names"), ("topic", "topicName"), ("y", "class_name")],
)
def test_names_of_labels_go_before_their_numbers(project, monkeypatch, capsys, numbers, names):
    columns = {
        numbers: [i % 3 for i in range(58)] + [0, 0],
        names: [["a", "b", "c"][i % 3] for i in range(58)] + ["a"] * 2,
    }
    recipe, printed = told(project, monkeypatch, capsys, **columns)
    assert recipe["columns"]["label"] == names
    assert f"the label is {names}, whose values are the names of the numbers in {numbers}" in printed


def test_names_of_something_else_do_not_go_before_numbers(project, monkeypatch, capsys):
    columns = {"label": [0, 1, 2] * 20, "label_text": ["a", "b", "c", "c"] * 15}
    assert told(project, monkeypatch, capsys, **columns)[0]["columns"]["label"] == "label"


def test_the_positive_label_is_told(project, monkeypatch, capsys):
    assert "\npositive: pos, which precision" in told(project, monkeypatch, capsys, label=SENTIMENT)[1]
    assert "\npositive: " not in told(project, monkeypatch, capsys, label=["a", "b", "c"] * 20)[1]


def test_flags_of_one_spelling_belong_together(project, monkeypatch, capsys):
    flags = {name: [int(i % 3 == k) for i in range(60)] for k, name in enumerate(("joy", "anger", "neutral"))}
    recipe, _ = told(project, monkeypatch, capsys, **flags, is_unclear=[i % 20 == 0 for i in range(60)])
    assert recipe["columns"]["label"] == "is_unclear"
    recipe, _ = told(project, monkeypatch, capsys, **flags, very_unclear=[i % 20 == 0 for i in range(60)])
    assert recipe["columns"]["label"] == ["joy", "anger", "neutral"]


def test_labels_of_an_issue_tracker_are_their_names(project, monkeypatch, capsys):
    labels = [[{"id": 1, "name": "bug"}], [{"id": 2, "name": "question"}]]
    rows = [{"title": text, "labels": labels[i % 2]} for i, (text, _) in enumerate(ROWS)]
    recipe, _ = from_rows(project, monkeypatch, capsys, rows)
    assert recipe["labels"] == {"bug": "bug", "question": "question"}
    assert standardized(project, recipe) == {"bug": 30, "question": 30}


@pytest.mark.parametrize("python", ["its own", "another", "none"])
def test_how_to_activate_the_environment_is_told_where_python_is_not_its_own(
    project, monkeypatch, capsys, tmp_path, python
):
    folder = Path(sys.executable).parent if python == "its own" else tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    if python == "another":
        (folder / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.chdir(project.root)
    frame(label=SENTIMENT).to_csv(project.raw("reviews.csv"), index=False)
    main([str(project.raw("reviews.csv")), "--force"])
    *_, before, last = capsys.readouterr().out.splitlines()
    told = "before dvc: source .venv/bin/activate, since the stages run `python`, which is another one here"
    assert (before == told) == (python != "its own")
    assert last == "next: dvc exp run -S recipe=sample"
