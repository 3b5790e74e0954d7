"""Shapes in which public repositories keep labelled text: each is read and guessed rightly, or refused in a line that
says how to convert it.
"""

import json

import pandas as pd
import pytest

from strata.base.errors import StrataError
from strata.commands.recipe import main
from strata.reading.dialect import has_header
from strata.settings.yaml_loader import read_yaml
from tests.conftest import reviews

ROWS = reviews(60)


def written(project, monkeypatch, path, *options):
    """Write the recipe by the command, run the first stages with it, and return it and the rows that ingest read."""
    monkeypatch.chdir(project.root)
    main([str(path), "--name", "sample", "--force", *options])
    project.run("ingest", "standardize")
    return read_yaml(project.root / "recipes/sample.yaml"), pd.read_parquet(project.root / "data/ingest/train.parquet")


def refusal(project, monkeypatch, path, *options):
    monkeypatch.chdir(project.root)
    with pytest.raises(StrataError) as caught:
        main([str(path), "--name", "sample", "--force", *options])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write_json(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_label_called_like_its_column_is_no_row_without_a_header(project, monkeypatch):
    rows = [(text, str(i % 5 == 0), ("hate", "none")[i % 2]) for i, (text, _) in enumerate(ROWS)]
    path = project.root / "rows.tsv"
    pd.DataFrame(rows, columns=["post", "biased", "hate"]).to_csv(path, sep="\t", index=False)
    recipe, read = written(project, monkeypatch, path, "--label", "hate")
    assert recipe["columns"]["text"] == "post"
    assert recipe["labels"] == {"hate": "hate", "none": "none"}
    assert len(read) == 60


@pytest.mark.parametrize(
    ("first", "below", "is_header"),
    [
        (["post", "points", "spam"], ["a", "1", "spam"], True),
        (["post", "points", "spam"], ["a", "x", "spam"], False),
        (["good film", "n/a", "spam"], ["a", "1", "spam"], False),
        (["comments", "spam"], ["a", "spam"], True),
    ],
)
def test_a_word_above_numbers_is_a_name(first, below, is_header):
    other = ["2" if cell == "1" else f"{cell}?" for cell in below]
    assert has_header(first, [below, other]) == is_header


def test_a_long_list_in_a_column_is_no_error(project, monkeypatch):
    rows = [{"text": text, "label": label, "marks": ["a", "b"]} for text, label in ROWS]
    rows[0]["marks"] = [f"mark {i}" for i in range(400)]
    recipe, _ = written(project, monkeypatch, write_json(project.root / "rows.json", rows))
    assert recipe["columns"]["label"] == "label"


def test_intents_with_examples_that_are_objects_are_rows(project, monkeypatch):
    intents = [
        {"intent": label, "examples": [{"text": text} for text, other in ROWS if other == label]}
        for label in ("pos", "neg")
    ]
    content = {"name": "shop", "entities": [{"entity": "size", "values": []}], "intents": intents}
    recipe, read = written(project, monkeypatch, write_json(project.root / "workspace.json", content))
    assert recipe["source"]["train"] == "workspace.json#intents"
    assert recipe["columns"]["label"] == "label"
    assert sorted(read["text"]) == sorted(text for text, _ in ROWS)


def test_of_lists_in_a_file_the_one_with_texts_is_read(project, monkeypatch):
    entities = [{"entity": "size", "startPos": 0}]
    utterances = [{"text": text, "intent": label, "entities": entities} for text, label in ROWS]
    content = {"intents": [{"name": "pos"}, {"name": "neg"}], "regex": [{"name": "zip"}], "utterances": utterances}
    recipe, read = written(project, monkeypatch, write_json(project.root / "app.json", content))
    assert recipe["source"]["train"] == "app.json#utterances"
    assert recipe["columns"]["label"] == "intent"
    assert len(read) == 60


def test_lists_of_entities_are_no_labels(project, monkeypatch):
    entities = [{"entity": "size", "start": 0}, {"entity": "colour", "start": 9}]
    rows = [{"text": text, "intent": "buy", "entities": entities[i % 2 :]} for i, (text, _) in enumerate(ROWS)]
    said = refusal(project, monkeypatch, write_json(project.root / "rows.json", rows))
    assert "intent (one value)" in said
    assert "several labels" not in said


def test_utterances_in_pieces_are_texts_of_the_label_that_the_file_is_called(project, monkeypatch):
    folder = project.root / "intents"
    folder.mkdir()
    for label in ("pos", "neg"):
        rows = [
            {"data": [{"text": text[:9]}, {"text": text[9:], "entity": "film"}]}
            for text, other in ROWS
            if other == label
        ]
        write_json(folder / f"{label}.json", {label: rows})
    recipe, read = written(project, monkeypatch, folder)
    assert recipe["source"]["train"] == "{label}.json"
    assert sorted(zip(read["text"], read["label"], strict=True)) == sorted(ROWS)
