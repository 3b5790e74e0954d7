"""A first recipe, guessed from a file of any format, that passes the schema and runs."""

import json

import pandas as pd
import pytest
from ruamel.yaml import YAML

from recipes.__main__ import main
from stages.shared.command import StageError
from tests.conftest import reviews

ROWS = reviews(60)


def written(project, monkeypatch, path, *options):
    """Write the recipe by the command, run the first stages with it, and return it."""
    monkeypatch.chdir(project.root)
    main([str(path), "--name", "sample", "--force", *options])
    project.run("ingest", "standardize")
    return YAML(typ="safe", pure=True).load(project.root / "recipes/sample.yaml")


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
    assert ("holds grades; the 12 rows between 4 and 7 are dropped" in printed) == (name == "grades.parquet")
    assert ("perhaps user_id" in (project.root / "recipes/sample.yaml").read_text()) == (name == "flags.jsonl")


def test_doubts_are_told(project, monkeypatch, capsys):
    lines = [{"review": t, "summary": t + " so", "mark": i % 40, "kind": i % 2} for i, (t, _) in enumerate(ROWS)]
    project.raw("rows.jsonl").write_text("\n".join([*map(json.dumps, lines), "broken"]), encoding="utf-8")
    project.params(ingest={"max_rejects": 0.1})
    recipe = written(project, monkeypatch, project.raw("rows.jsonl"))
    assert recipe["columns"]["label"] == "kind"
    printed = capsys.readouterr().out
    for doubt in (
        "summary hold(s) text too",
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
        (["other.csv"], r"other.csv: no column can be the label: one of 2 to 1,000 values.*; columns: a, b"),
    ],
)
def test_what_cannot_be_guessed_is_told(project, monkeypatch, argv, sentence):
    monkeypatch.chdir(project.root)
    (project.root / "other.csv").write_text("a,b\nx y z,q\nu v w,r\n", encoding="utf-8")
    with pytest.raises(StageError, match=sentence):
        main(argv)
    assert not (project.root / "recipes/other.yaml").exists()
