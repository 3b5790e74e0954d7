"""Shapes in which public repositories keep labelled text: each is read and guessed rightly, or refused in a line that
says how to convert it.
"""

import contextlib
import csv
import io
import json
import random
import re
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from strata.base.errors import StrataError
from strata.commands.recipe import main
from strata.reading.dialect import has_header
from strata.reading.json_columns import column_rows
from strata.reading.source_file import SourceFile
from strata.settings.yaml_loader import read_yaml
from strata.several_labels import are_records, single
from tests.conftest import ROOT, reviews

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


def test_examples_in_one_string_are_lines(project, monkeypatch):
    intents = [
        {"intent": label, "examples": "".join(f"- in [{text}](film){{x}}\n" for text, other in ROWS if other == label)}
        for label in ("pos", "neg")
    ]
    _, read = written(project, monkeypatch, write_json(project.root / "nlu.json", {"version": "3.1", "nlu": intents}))
    assert sorted(read["text"]) == sorted(f"in {text}{{x}}" for text, _ in ROWS)


def text_files(folder, **texts):
    """Write texts a line into a file for each name, and return the folder."""
    folder.mkdir()
    for name, lines in texts.items():
        (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


BY_LABEL = {label: [text for text, other in ROWS if other == label] for label in ("pos", "neg")}


def test_a_readme_is_no_label(project, monkeypatch):
    folder = text_files(project.root / "films", **BY_LABEL, README=["What this is"], LICENSE=["Free"])
    recipe, read = written(project, monkeypatch, folder)
    assert list(recipe["labels"]) == ["neg", "pos"]
    assert len(read) == 60


def test_a_readme_among_texts_is_no_text(project, monkeypatch):
    folder = project.root / "films"
    for i, (text, label) in enumerate(ROWS):
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{i}.txt").write_text(text, encoding="utf-8")
    (folder / "pos/README.txt").write_text("What this is", encoding="utf-8")
    _, read = written(project, monkeypatch, folder)
    assert len(read) == 60


def test_labels_in_a_file_beside_their_texts_are_refused_with_the_command_that_joins_them(project, monkeypatch):
    texts, labels = zip(*ROWS, strict=True)
    folder = text_files(project.root / "tweets", train_text=texts, train_labels=labels, mapping=["0 neg", "1 pos"])
    assert "paste train_labels.txt train_text.txt > rows.tsv" in refusal(project, monkeypatch, folder)


def test_files_called_text_and_label_of_other_lengths_are_no_pair(project, monkeypatch):
    folder = text_files(project.root / "words", text=BY_LABEL["pos"][:20], label=BY_LABEL["neg"][:25])
    assert list(written(project, monkeypatch, folder)[0]["labels"]) == ["label", "text"]


def test_texts_with_annotations_beside_them_are_refused(project, monkeypatch):
    folder = text_files(project.root / "essays", a=["One, two."], b=["Three, four."])
    for name in "ab":
        (folder / f"{name}.ann").write_text("T1\tClaim 0 3\tOne\n", encoding="utf-8")
    assert "a.txt is annotated in a.ann, which is not read" in refusal(project, monkeypatch, folder)


def test_numbered_files_with_ratings_are_parts_of_one_table(project, monkeypatch):
    folder = project.root / "films"
    folder.mkdir()
    for part in (0, 1):
        rows = [{"review": text, "rating": i % 10} for i, (text, _) in enumerate(ROWS[part::2])]
        write_json(folder / f"100{part}.json", rows)
    recipe, read = written(project, monkeypatch, folder)
    assert recipe["columns"]["label"] == "rating"
    assert len(read) == 60


def test_files_whose_suffix_is_the_label_are_refused_with_their_names(project, monkeypatch):
    folder = text_files(project.root / "films", **BY_LABEL)
    for label in BY_LABEL:
        (folder / f"{label}.txt").rename(folder / f"polarity.{label}")
    assert "rename them to neg.txt, pos.txt" in refusal(project, monkeypatch, folder)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rows.arff", "Weka's ARFF; in Weka, open it and save it as CSV"),
        ("nlu.yml", "YAML; python -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)' < nlu"),
        ("rows.xml", 'pandas.read_xml(sys.argv[1], xpath=".//ELEMENT"'),
        ("rows.tar.gz", "an archive; unpack it"),
        ("rows.conll", "labels of tokens, not of texts"),
        ("rows.db", 'sqlite3 -header -csv rows.db "SELECT'),
        ("rows.pkl", "if you trust it"),
        ("rows.mbox", "mail, whose texts stand among headers"),
        ("rows", "no suffix, which says the format; rename delimited text to .csv, .tsv or .txt"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_its_conversion(project, monkeypatch, name, said):
    path = project.root / name
    path.write_bytes(b"\x80\x04")
    assert said in refusal(project, monkeypatch, path)
    folder = project.root / "folder"
    folder.mkdir()
    path.rename(folder / name)
    assert said in refusal(project, monkeypatch, folder)


def test_a_column_without_a_name_may_be_text_too(project, monkeypatch, capsys):
    path = project.root / "rows.tsv"
    rows = [(label, f"title {i} of this film", f"{text} " * 5) for i, (text, label) in enumerate(ROWS)]
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False, header=False)
    written(project, monkeypatch, path)
    assert "the text is column_3, but text is also in column_2" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["training", "is_test", "in_train"])
def test_a_flag_of_a_split_is_no_label(project, monkeypatch, capsys, name):
    rows = [{"text": text, "kind": label, name: i % 4 == 0} for i, (text, label) in enumerate(ROWS)]
    recipe, _ = written(project, monkeypatch, write_json(project.root / "rows.json", rows))
    assert recipe["columns"]["label"] == "kind"
    assert f"{name} names splits (true 15, false 45)" in capsys.readouterr().out


@pytest.mark.parametrize("comma", ["", ","])
def test_files_called_train_and_their_label_hold_texts_of_it(project, monkeypatch, comma):
    lines = {f"train_{label}": [f"{text}{comma} so" for text in texts] for label, texts in BY_LABEL.items()}
    folder = text_files(project.root / "tweets", **lines, test_data=["1,what"])
    recipe, read = written(project, monkeypatch, folder)
    assert recipe["source"]["train"] == "train_{label}.txt"
    assert sorted(zip(read["text"], read["label"], strict=True)) == sorted(
        (f"{t}{comma} so", label) for t, label in ROWS
    )


def test_objects_as_python_prints_them_are_read(project, monkeypatch):
    path = project.root / "rows.json"
    rows = [{"text": f'{text} it\'s "x"', "label": label, "helpful": [None, True]} for text, label in ROWS]
    path.write_text("".join(f"{row}\n" for row in rows) + "{'text': open('x')}\n", encoding="utf-8")
    project.params(ingest={"max_rejects": 0.5})
    _, read = written(project, monkeypatch, path)
    assert read["text"].tolist() == [row["text"] for row in rows]
    assert set(read["helpful"]) == {"[null, true]"}


@pytest.mark.parametrize(
    ("key", "turn"),
    [
        ("messages", lambda role, words: {"role": role, "content": words}),
        ("conversations", lambda role, words: {"from": role, "value": words}),
    ],
)
def test_the_last_answer_of_a_conversation_is_its_label(project, monkeypatch, key, turn):
    rows = [{key: [turn("system", "Sort."), turn("user", text), turn("assistant", label)]} for text, label in ROWS]
    path = project.root / "tuning.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    _, read = written(project, monkeypatch, path)
    assert list(zip(read["text"], read["label"], strict=True)) == ROWS


def test_rows_under_their_ids_may_hold_lists_of_objects(project, monkeypatch):
    rows = {
        f"{i}_x": {"post": text, "kind": label, "votes": [{"worker": 1}, {"worker": 2}]}
        for i, (text, label) in enumerate(ROWS)
    }
    recipe, read = written(project, monkeypatch, write_json(project.root / "rows.json", rows))
    assert recipe["source"]["train"] == "rows.json"
    assert len(read) == 60


@pytest.mark.parametrize(("first", "label"), [("annotator_1", "majority"), ("Aufwand", "Kategorie")])
def test_names_of_labels_go_before_other_columns_of_few_values(project, monkeypatch, first, label):
    rows = [{"text": text, first: "ab"[i % 2], label: kind} for i, (text, kind) in enumerate(ROWS)]
    recipe, _ = written(project, monkeypatch, write_json(project.root / "rows.json", rows))
    assert recipe["columns"]["label"] == label


QUESTION = "What is the main reason for the score that you gave?"
LONG = [f"{text} and so on for eight or more words" for text, _ in ROWS]


def csv_file(project, columns):
    path = project.root / "rows.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "other",
    [
        {"Overall verdict": ["good", "bad"] * 30},
        {"Verdict": ["good", "bad"] * 30, "How many of ten points do you give us in all?": range(60)},
        {"Verdict": ["good", "bad"] * 30, "Sent": [f"2024/03/{i % 30 + 1:02} 10:00:00 AM" for i in range(60)]},
    ],
    ids=["labels", "numbers", "dates"],
)
def test_a_question_is_the_name_of_a_column(project, monkeypatch, other):
    recipe, read = written(project, monkeypatch, csv_file(project, {QUESTION: LONG} | other))
    assert recipe["columns"]["text"] == QUESTION
    assert recipe["columns"]["label"] == next(iter(other))
    assert len(read) == 60


def test_a_text_above_texts_is_a_row(project, monkeypatch):
    lines = [f'"{text}",{("good", "bad")[i % 2]}' for i, text in enumerate(LONG)]
    path = project.root / "rows.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    recipe, read = written(project, monkeypatch, path)
    assert recipe["columns"] == {"text": "column_1", "label": "column_2", "group": None}
    assert len(read) == 60


def test_the_two_rows_under_the_header_of_qualtrics_are_left_out(project, monkeypatch, capsys):
    columns = {"StartDate": ["2024-03-01 00:00:00"] * 60, "Q1": ["yes", "no"] * 30, "Q2": LONG}
    about = [{name: f"About {name}" for name in columns}, {name: json.dumps({"ImportId": name}) for name in columns}]
    frame = pd.concat([pd.DataFrame(about), pd.DataFrame(columns)])
    recipe, read = written(project, monkeypatch, csv_file(project, frame))
    assert (recipe["columns"]["text"], recipe["columns"]["label"]) == ("Q2", "Q1")
    assert len(read) == 60
    assert "an export of Qualtrics: the two rows below the header describe the columns and are left out" in (
        capsys.readouterr().out
    )


def test_a_label_with_its_annotator_is_its_value(project, monkeypatch):
    rows = [
        {"text": text, "responses": [{"value": label, "user_id": f"u{i % 3}"}]} for i, (text, label) in enumerate(ROWS)
    ]
    recipe, _ = written(project, monkeypatch, write_json(project.root / "rows.json", rows))
    assert recipe["columns"]["label"] == "responses"
    assert recipe["labels"] == {"neg": "neg", "pos": "pos"}


def test_an_answer_goes_before_the_name_of_who_gave_it():
    assert single('[{"value": "bad", "name": "anna"}]') == "bad"
    assert are_records(['[{"start": 5, "end": 11, "value": "Berlin", "entity": "city"}]'])


def test_a_label_that_half_of_the_rows_lack_is_the_label(project, monkeypatch):
    columns = {"text": LONG, "label": ["pos", "neg"] * 10 + [None] * 40, "country": ["US", "UK"] * 30}
    path = csv_file(project, columns)
    monkeypatch.chdir(project.root)
    main([str(path), "--name", "sample", "--force"])
    assert read_yaml(project.root / "recipes/sample.yaml")["columns"]["label"] == "label"


def test_a_text_with_a_label_that_comes_once_is_a_row():
    others = [[text, "good"] for text in LONG[1:30]] + [[text, "bad"] for text in LONG[30:]]
    assert not has_header([LONG[0], "mixed"], others)
    assert has_header([QUESTION, "verdict"], others)


def test_objects_that_name_no_label_are_none(project, monkeypatch):
    rows = [{"text": text, "marks": [{"user": f"u{i % 3}", "points": i % 2}]} for i, (text, _) in enumerate(ROWS)]
    said = refusal(project, monkeypatch, write_json(project.root / "rows.json", rows))
    assert "marks (lists of objects that name no label)" in said


def test_a_column_that_few_rows_have_is_not_the_label_beside_a_full_one(project, monkeypatch):
    columns = {"text": LONG, "class": ["a", "b"] + [None] * 58, "answer": ["yes", "no"] * 30}
    recipe, _ = written(project, monkeypatch, csv_file(project, columns))
    assert recipe["columns"]["label"] == "answer"


def test_the_number_of_a_label_is_no_group(project, monkeypatch, capsys):
    rows = [{"text": text, "label": {"id": i % 2, "name": "ab"[i % 2]}} for i, text in enumerate(LONG)]
    written(project, monkeypatch, write_json(project.root / "rows.json", rows))
    assert "perhaps group" not in capsys.readouterr().out


def test_names_that_are_made_up_are_told_with_their_values(project, monkeypatch, capsys):
    recipe, _ = written(project, monkeypatch, csv_file(project, {"text": LONG, "mood": ["😀", "😡"] * 30}))
    assert recipe["labels"] == {"other_1": "😀", "other_2": "😡"}
    assert "made-up names: other_1 for '😀', other_2 for '😡'; give them names" in capsys.readouterr().out


def test_files_of_other_columns_are_refused_before_a_recipe_is_written(project, monkeypatch):
    folder = project.root / "reviews"
    folder.mkdir()
    for name, column in (("reviews_2019", "text"), ("reviews_2020", "body")):
        pd.DataFrame({column: LONG, "label": ["a", "b"] * 30}).to_csv(folder / f"{name}.csv", index=False)
    said = refusal(project, monkeypatch, folder)
    assert "reviews_2020.csv: its columns differ from those of" in said
    assert "body, text; make them the same" in said


def test_an_address_is_told_from_a_file(project, monkeypatch):
    said = refusal(project, monkeypatch, "https://example.org/reviews.csv")
    assert said.startswith("https://example.org/reviews.csv: an address, not a file; download it, or write a recipe")


def test_the_encoding_of_rows_that_cannot_be_read_is_asked_for(project, monkeypatch):
    for label in ("плохо", "хорошо"):
        folder = project.root / "texts" / label
        folder.mkdir(parents=True)
        for i in range(40):
            (folder / f"{i}.txt").write_bytes(f"очень {label} {i}".encode("cp1251"))
    said = refusal(project, monkeypatch, project.root / "texts")
    assert "80 rows cannot be read" in said
    assert "name their encoding in a recipe (source.encoding, in recipes/template.yaml)" in said


@pytest.mark.parametrize("score", ["{i},{j}", "{i},{i}5", "{i}"])
def test_numbers_with_a_decimal_comma_are_no_lists(project, monkeypatch, capsys, score):
    scores = [(score if i % 6 else "{i},{i}").format(i=i % 6, j=i % 9) for i in range(60)]
    columns = {"text": LONG, "score": scores, "Urteil": ["gut", "schlecht"] * 30}
    recipe, _ = written(project, monkeypatch, csv_file(project, columns))
    assert recipe["columns"]["label"] == "Urteil"
    main([str(project.root / "rows.csv"), "--name", "sample", "--force", "--label", "score"])
    assert "several labels" not in capsys.readouterr().out


def test_lists_of_numbers_are_no_decimals(project, monkeypatch):
    numbers = [f"{i % 5}" if i % 6 else f"{i % 5},{(i + 2) % 5}" for i in range(60)]
    path = csv_file(project, {"text": LONG, "label": numbers})
    assert "10 rows have several labels in label, such as '0,2'" in refusal(project, monkeypatch, path)


def test_a_combination_of_a_label_and_another_is_told(project, monkeypatch, capsys):
    numbers = [f"{i % 5}" if i % 6 else f"{i % 5},{i % 3 + 5}" for i in range(60)]
    written(project, monkeypatch, csv_file(project, {"text": LONG, "label": numbers}))
    assert (
        "not sure: 10 rows may have several labels in label, such as '0,5', or a number with a decimal comma, since "
        "'0' is one too; each such value is one label unless you use --first or --has NAME"
    ) in capsys.readouterr().out


def test_words_go_before_counts_where_no_name_tells(project, monkeypatch):
    path = project.root / "rows.tsv"
    rows = [(("true", "half-true", "false", "barely-true", "fire", "mostly")[i % 6], LONG[i], i % 5) for i in range(60)]
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False, header=False)
    assert written(project, monkeypatch, path)[0]["columns"]["label"] == "column_1"


def test_a_question_of_consent_goes_behind_others(project, monkeypatch):
    columns = {"What could be better?": LONG, "How was it?": ["good", "fair", "bad"] * 20}
    columns["May we contact you?"] = ["Yes", "No"] * 30
    recipe, _ = written(project, monkeypatch, csv_file(project, columns))
    assert recipe["columns"]["label"] == "How was it?"


@pytest.mark.parametrize("mark", ["x", "X", "1", "✓"])
def test_a_mark_in_one_of_several_columns_is_the_label(project, monkeypatch, mark):
    columns = {"text": LONG} | {name: [mark if i % 3 == k else "" for i in range(60)] for k, name in enumerate("abc")}
    recipe, _ = written(project, monkeypatch, csv_file(project, columns))
    assert recipe["columns"]["label"] == ["a", "b", "c"]
    standardized = pd.read_parquet(project.root / "data/standardize/train.parquet")
    assert standardized["label"].tolist() == [0, 1, 2] * 20


@pytest.mark.parametrize("options", [[], ["--label", "escalate"]])
def test_a_mark_or_an_empty_cell_is_told_with_the_way_out(project, monkeypatch, options):
    path = csv_file(project, {"text": LONG, "escalate": ["x", "", ""] * 20})
    said = refusal(project, monkeypatch, path, *options)
    assert "'x' alone, and 40 empty cells; if these mean no, write no into them" in said


def test_texts_named_after_a_label_and_a_number_are_refused_with_their_folders(project, monkeypatch):
    folder = text_files(project.root / "films", **{f"{label}_{i:03}": [text] for i, (text, label) in enumerate(ROWS)})
    said = refusal(project, monkeypatch, folder)
    assert "move the files of each label to a folder of its own, neg/, pos/, if each file is one text" in said


SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def sheet_file(project, rows, *merged, corner=(1, "A")):
    """Write a workbook like one of odd_files, with a sheet whose upper left cell is at `corner`."""
    top, left = corner
    cells = "".join(
        f'<c r="{chr(ord(left) + x)}{y}" t="inlineStr"><is><t>{cell}</t></is></c>'
        for y, row in enumerate(rows, top)
        for x, cell in enumerate(row)
        if cell is not None
    )
    merges = "".join(f'<mergeCell ref="{area}"/>' for area in merged)
    sheet = f"<sheetData><row>{cells}</row></sheetData><mergeCells>{merges}</mergeCells>"
    path, like = project.root / "rows.xlsx", Path(__file__).parent / "odd_files/a_cell_far_away.xlsx"
    with zipfile.ZipFile(path, "w") as archive, zipfile.ZipFile(like) as others:
        for name in others.namelist():
            archive.writestr(
                name, f'<worksheet xmlns="{MAIN}">{sheet}</worksheet>' if name == SHEET else others.read(name)
            )
    return path


def test_a_cell_merged_over_rows_is_read_in_each(project, monkeypatch, capsys):
    rows = [["Kategorie", "Kommentar"], [None, None], *([{0: "Preis", 30: "Zeit"}.get(i), LONG[i]] for i in range(60))]
    path = sheet_file(project, rows, "C5:C6", "D5:D6", "C7:C36", "C37:C66", corner=(5, "C"))
    _, read = written(project, monkeypatch, path)
    assert read["Kategorie"].tolist() == ["Preis"] * 30 + ["Zeit"] * 30
    assert "4 merged cells, whose value is read in each of their rows" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_names_of_groups_of_columns_stand_above_the_header(project, monkeypatch, suffix):
    rows = [["Respondent", None, "Feedback", None], ["ID", "Region", "Comment", "Verdict"]]
    rows += [[i, "NSE"[i % 3], LONG[i], ("Price", "Staff")[i % 2]] for i in range(60)]
    path = sheet_file(project, rows, "A1:B1", "C1:D1")
    if suffix == "csv":
        path = project.root / "rows.csv"
        pd.DataFrame(rows).to_csv(path, index=False, header=False)
    recipe, read = written(project, monkeypatch, path)
    assert (recipe["columns"]["text"], recipe["columns"]["label"]) == ("Comment", "Verdict")
    assert len(read) == 60


def test_a_column_without_a_name_makes_no_row_a_header(project, monkeypatch):
    rows = [["", "text", "label"], *([f"r{i}", LONG[i], ("good", "bad")[i % 2]] for i in range(60))]
    path = project.root / "rows.csv"
    pd.DataFrame(rows).to_csv(path, index=False, header=False)
    assert len(written(project, monkeypatch, path)[1]) == 60


def test_a_value_in_rows_without_a_text_is_no_label(project, monkeypatch, capsys):
    rows = [["Kategorie", "Nr.", "Kommentar"], *([("Preis", "Zeit")[i % 2], i, LONG[i]] for i in range(60))]
    recipe, _ = written(project, monkeypatch, sheet_file(project, [*rows, ["Summe", 60, None]]))
    assert recipe["labels"] == {"preis": "Preis", "zeit": "Zeit"}
    assert "'Summe' in Kategorie stands in rows without a text alone" in capsys.readouterr().out


def test_texts_with_different_labels_are_told(project, monkeypatch, capsys):
    rows = [(text, f"a{k}", "yes" if k == 2 and i % 4 == 0 else "no") for i, text in enumerate(LONG) for k in range(3)]
    path = csv_file(project, pd.DataFrame(rows, columns=["text", "annotator", "label"]))
    written(project, monkeypatch, path)
    said = "60 texts stand in several rows, 15 of them with different labels, and all rows are kept; "
    assert said in capsys.readouterr().out


def test_copies_count_as_one_text_whatever_their_case(project, monkeypatch, capsys):
    rows = [*((text, "yes") for text in LONG), *((text.upper() + "!", "no") for text in LONG[:20])]
    written(project, monkeypatch, csv_file(project, pd.DataFrame(rows, columns=["text", "label"])))
    assert "20 texts stand in several rows, 20 of them with different labels" in capsys.readouterr().out


def test_rows_without_a_text_need_no_label(project, monkeypatch, capsys):
    rows = [*((text, ("yes", "no")[i % 2]) for i, text in enumerate(LONG)), *[(None, None)] * 5]
    written(project, monkeypatch, csv_file(project, pd.DataFrame(rows, columns=["text", "label"])))
    said = capsys.readouterr().out
    assert "have no label" not in said
    assert "\nnext: dvc exp run" in said


@pytest.mark.parametrize("suffix", [".txt", ".TXT"])
def test_files_that_a_folder_of_labels_leaves_out_are_told(project, monkeypatch, capsys, tmp_path, suffix):
    for i, text in enumerate(LONG):
        path = tmp_path / "texts" / ("pos", "neg")[i % 2] / f"{i}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in ("notes.docx", "pos/a.text", "pos/Thumbs.db", *(f"neg/{i}.jpg" for i in range(4))):
        (tmp_path / "texts" / name).write_bytes(b"\0\1")
    assert len(written(project, monkeypatch, tmp_path / "texts")[1]) == 60
    said = "not read: neg/0.jpg, neg/1.jpg, neg/2.jpg, neg/3.jpg, notes.docx and 2 more"
    assert said in capsys.readouterr().out


def test_a_relative_link_to_a_file_is_followed(project, monkeypatch):
    path = csv_file(project, {"text": LONG, "label": ["pos", "neg"] * 30})
    other = path.with_name("other.csv")
    other.symlink_to(path.name)
    assert len(written(project, monkeypatch, other)[1]) == 60
    path.unlink()
    with pytest.raises(StrataError, match=rf"other.csv: a link to {path.name}, which does not exist; name"):
        main([str(other), "--name", "another"])


def test_several_choices_of_label_studio_in_a_cell_are_several_labels(project, monkeypatch):
    labels = ["Pos", "Neg", '{"choices": ["Neg", "Pos"]}']
    path = csv_file(project, {"text": LONG, "sentiment": [labels[i % 3] for i in range(60)]})
    with pytest.raises(StrataError, match="20 rows have several labels in sentiment"):
        written(project, monkeypatch, path)
    assert written(project, monkeypatch, path, "--first")[0]["labels"] == {"neg": "Neg", "pos": "Pos"}


def test_a_label_above_empty_cells_may_be_theirs(project, monkeypatch, capsys):
    path = csv_file(project, {"text": LONG, "label": [{0: "pos", 30: "neg"}.get(i) for i in range(60)]})
    monkeypatch.chdir(project.root)
    main([str(path), "--name", "sample", "--force"])
    assert "if each value is for the empty cells below it too, fill these" in capsys.readouterr().out


def as_tokens(text):
    return "".join(f"{word} {'B-PER' if word[0].isupper() else 'O'}\n" for word in text.split()) + "\n"


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("a.txt", lambda text, label: f"{(text, label)},\n", "a list as Python writes it; in Python, write it as JSON"),
        ("a.csv", lambda text, label: json.dumps({"t": text, "l": label}) + "\n", "rename it to .jsonl"),
        ("a.txt", lambda text, label: f"({label} (2 {text}) (3 .))\n", "parse trees; if the outermost label"),
        ("a.txt", lambda text, label: as_tokens(f"Anna {text}"), "labels of tokens, not of texts"),
        (
            "a.tsv",
            lambda *_: "1\tfilm\tfilm\tNOUN\tNN\t_\t0\troot\t_\t_\n\n",
            "labels of tokens, not of texts",
        ),
        ("a.csv", lambda text, label: f"From a@b Mon Jan  1 00:00:00 2020\nTo: c\n\n{text}\n", "mail, whose texts"),
    ],
)
def test_what_only_has_the_suffix_of_delimited_text_is_named(project, monkeypatch, name, row, said):
    path = project.root / name
    path.write_text("".join(row(*pair) for pair in ROWS), encoding="utf-8")
    assert f"{name}: no delimited text, but " in refusal(project, monkeypatch, path)
    assert said in refusal(project, monkeypatch, path)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("parquet", "Parquet; rename it to .parquet"),
        ("feather", "Arrow; rename it to .arrow"),
        ("gz", "compressed (gzip); add .gz to its name"),
        ("xlsx", "a spreadsheet or an archive (zip); rename it to .xlsx, .ods or .zip"),
        ("sqlite", "an SQLite database; export its table as CSV"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".txt"])
def test_a_binary_file_is_named_whatever_its_suffix(project, monkeypatch, kind, said, suffix):
    rows = pd.DataFrame(ROWS, columns=["text", "label"])
    path = project.root / f"rows{suffix}"
    if kind == "sqlite":
        with contextlib.closing(sqlite3.connect(path)) as database:
            rows.to_sql("rows", database)
    else:
        content = io.BytesIO()
        if kind == "xlsx":
            with zipfile.ZipFile(content, "w") as archive:
                archive.writestr("xl/workbook.xml", "<workbook/>")
        else:
            write = {"parquet": rows.to_parquet, "feather": rows.to_feather}
            write[kind](content) if kind in write else rows.to_csv(content, compression="gzip")
        path.write_bytes(content.getvalue())
    assert f"rows{suffix}: not text, whatever its suffix, but {said}" in refusal(project, monkeypatch, path)


def test_a_page_is_told_from_rows_of_pages(project, monkeypatch):
    path = project.root / "pages.csv"
    page = "<html><body>{}</body></html>"
    path.write_text(page.format("<tr><td>a</td></tr>\n" * 9), encoding="utf-8")
    assert "no delimited text, but HTML; if a table in it" in refusal(project, monkeypatch, path)
    rows = [(page.format(text), label) for text, label in ROWS]
    pd.DataFrame(rows).to_csv(path, header=False, index=False)
    recipe, read = written(project, monkeypatch, path)
    assert (recipe["columns"]["text"], recipe["columns"]["label"]) == ("column_1", "column_2")
    assert len(read) == 60


def test_a_json_file_that_python_printed_is_refused_with_what_writes_json(project, monkeypatch):
    path = project.root / "rows.json"
    path.write_text(str([{"text": text, "label": label} for text, label in ROWS]), encoding="utf-8")
    assert "it is a list as Python writes it; in Python, write it as JSON" in refusal(project, monkeypatch, path)


@pytest.mark.parametrize("shorter", [0, 3])
def test_lists_of_texts_by_label_may_be_of_one_length(project, monkeypatch, shorter):
    texts = {label: [text for text, its in ROWS if its == label] for label in ("neg", "pos")}
    path = write_json(project.root / "by_label.json", texts | {"pos": texts["pos"][shorter:]})
    recipe, read = written(project, monkeypatch, path)
    assert recipe["labels"] == {"neg": "neg", "pos": "pos"}
    assert dict(zip(read["text"], read["label"], strict=True)) == {
        text: label for text, label in ROWS if text not in texts["pos"][:shorter]
    }


@pytest.mark.parametrize(
    "columns",
    [
        {"premise": [text for text, _ in ROWS], "claim": [f"not {text}" for text, _ in ROWS]},
        {"url": [f"https://a.b/{i}" for i in range(60)], "body": [text for text, _ in ROWS]},
        {"seen": [f"2024-01-01 10:{i} AM GMT" for i in range(60)], "words": [text for text, _ in ROWS]},
        {
            "sort": [("a film of one kind", "a film of another kind")[i % 2] for i in range(60)],
            "x": [t for t, _ in ROWS],
        },
    ],
    ids=list,
)
def test_lists_that_may_be_columns_are(columns):
    assert next(row for _, row, _, _ in column_rows(columns)).keys() == columns.keys()


NAMES = ("Anna", "Bert", "Carl", "Dora", "Emil", "Fine")


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"key": [f"{i * 7919:08x}" for i in range(60)], "name": NAMES * 10, "gender": list("fmmfmf") * 10}, "name"),
        ({"ref": [f"A-{i}" for i in range(60)], "kind": list("abcd") * 15, "word": NAMES * 10}, "word"),
        ({"ref": [f"A-{i}" for i in range(60)], "word": [f"term{'x' * i}" for i in range(60)], "kind": "ab"}, "word"),
        ({"ref": [f"{i}-{i}" for i in range(60)], "Query": LONG, "category": ["a", "b"] * 30}, "Query"),
        ({"ref": [f"A-{i}" for i in range(60)], "category": ["a", "b"] * 30}, "ref"),
        ({"id": [f"A-{i}" for i in range(60)], "user": [f"u{i}" for i in range(60)], "label": ["a", "b"] * 30}, "user"),
    ],
)
def test_ids_are_not_the_text_beside_short_texts(project, monkeypatch, capsys, columns, text):
    columns = {name: list(values) if len(values) == 60 else list(values) * 30 for name, values in columns.items()}
    recipe, _ = written(project, monkeypatch, csv_file(project, columns))
    printed = capsys.readouterr().out
    assert recipe["columns"]["text"] == text
    is_sure = len(set(columns[text])) == 60 and not columns[text][1][-1].isdigit()
    assert bool(re.search(f"not sure: the text is {text}, (whose|though its) ", printed)) == (not is_sure)


def test_short_texts_beside_ids_and_a_named_label_are_the_text(project, monkeypatch):
    columns = {"key": [f"A-{i}" for i in range(60)], "split": ["train", "test"] * 30, "annotator": ["x", "y"] * 30}
    path = csv_file(project, columns | {"name": NAMES * 10, "gender": list("fmmfmf") * 10})
    assert written(project, monkeypatch, path, "--label", "gender")[0]["columns"]["text"] == "name"


def test_numbers_of_tokens_are_not_the_text_without_a_header(project, monkeypatch):
    path = project.root / "rows.tsv"
    rows = [(f"{i // 9}-{i % 9}", word, "abc"[i % 3]) for i, word in enumerate(" ".join(LONG).split()[:300])]
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False, header=False)
    assert written(project, monkeypatch, path)[0]["columns"]["text"] == "column_2"


WEBANNO = (
    "#FORMAT=WebAnno TSV 3.3\n#T_SP=custom.Sentiment|value\n\n\n#Text=Not bad\n1-1\t0-3\tNot\t_\n1-2\t4-7\tbad\tpos\n"
)


@pytest.mark.parametrize(("name", "start"), [("a.tsv", 0), ("a.txt", 0), ("a.csv", 1), ("a.tsv", 4)])
def test_tokens_of_inception_are_refused(project, monkeypatch, name, start):
    path = project.root / name
    path.write_text("\n".join((WEBANNO * 9).split("\n")[start:]), encoding="utf-8")
    assert f"{name}: no delimited text, but labels of tokens, not of texts" in refusal(project, monkeypatch, path)


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
@pytest.mark.parametrize(
    "record",
    ["Label: {1}\nText: {0}\n\n", "Stars: {1}\nSaid by: me\nWhat: {0}:\nand more\n\n\n", "Label: {1}\nText: {0}\n"],
)
def test_records_of_several_lines_are_refused_with_what_makes_them_rows(project, monkeypatch, name, record):
    path = project.root / name
    path.write_text("".join(record.format(*row) for row in ROWS), encoding="utf-8")
    said = refusal(project, monkeypatch, path)
    keys = [line.partition(":")[0] for line in record.split("\n") if ":" in line[:8]]
    assert f"records of several lines, {', '.join(keys)}; write each as one row: python -c " in said
    subprocess.run(said.partition("one row: ")[2], shell=True, check=True, cwd=project.root)
    rows = [json.loads(line) for line in (project.root / "rows.jsonl").read_text().splitlines()]
    assert [row[keys[0]] for row in rows] == [label for _, label in ROWS]
    assert all(row[keys[-1]].startswith(text) for row, (text, _) in zip(rows, ROWS, strict=True))


@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_lines_that_begin_with_labels_in_turn_are_no_records(project, monkeypatch, between):
    path = project.root / "rows.txt"
    path.write_text(between.join(f"{'pos' if i % 2 else 'neg'}: {text}" for i, text in enumerate(LONG)))
    recipe, read = written(project, monkeypatch, path)
    assert recipe["labels"] == {"neg": "neg", "pos": "pos"}
    assert len(read) == 60


def test_the_options_of_a_choice_name_its_numbers(project, monkeypatch):
    options = [{"id": i, "text": text} for i, text in enumerate(("Angry", "Glad"))]
    rows = [{"text": text, "options": options, "accept": [i % 2], "answer": "accept"} for i, text in enumerate(LONG)]
    path = project.root / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert written(project, monkeypatch, path)[0]["labels"] == {"angry": "Angry", "glad": "Glad"}


def test_of_two_columns_with_the_same_texts_the_shorter_name_is_taken(project, monkeypatch, capsys):
    rows = [
        {"inputs": {"text": text, "title": text[::-1]}, "annotation": label, "text": text, "title": text[::-1]}
        for text, label in ROWS
    ]
    recipe, _ = written(project, monkeypatch, write_json(project.root / "rows.json", rows))
    assert recipe["columns"]["text"] == "text"
    assert "but text is also in title; to join them, write text: [text, title]" in capsys.readouterr().out


UNPAIRED = [f'"{text}' if i % 10 == 3 else f'{text}"' if i % 10 == 6 else text for i, (text, _) in enumerate(ROWS)]


@pytest.mark.parametrize("mark", [",", "\t", ";"])
@pytest.mark.parametrize("columns", [("label", "text"), ("text", "label"), ("id", "text", "label"), ("id", "text")])
def test_quotes_of_a_file_without_quoting_part_nothing(tmp_path, mark, columns):
    rows = [{"id": f"A-{i}", "text": UNPAIRED[i], "label": label} for i, (_, label) in enumerate(ROWS)]
    path = tmp_path / "rows.csv"
    path.write_text(
        "\n".join(mark.join(row[name] for name in columns) for row in [dict(zip(columns, columns, strict=True)), *rows])
    )
    source = SourceFile(path)
    read = pa.concat_tables(source.tables()).to_pylist()
    assert [{name: row[name] for name in columns} for row in read] == [
        {name: row[name] for name in columns} for row in rows
    ]
    assert not source.rejects


@pytest.mark.parametrize(
    "before", [[], ['pos,"one, and another"'], ['pos,"so ""good"""']], ids=["none", "comma", "doubled"]
)
def test_an_unpaired_quote_beyond_the_sample_swallows_no_row(tmp_path, before):
    lines = [f"{label},{text}" for text, label in ROWS]
    swallowed = ['neg,"a film', "pos,warm", "neg,odd, and long", *lines[:5], "", 'pos,dull"']
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["label,text", *before, *(lines * 20), *swallowed, *lines]))
    source = SourceFile(path)
    read = pa.concat_tables(source.tables())
    at = len(before) + 1200
    assert read["text"].to_pylist()[at : at + 2] == ['"a film', "warm"]
    assert read["text"].to_pylist()[at + 7] == 'dull"'
    assert len(read) == at + 8 + 60
    assert source.rejects.reasons == {"3 cells where the header has 2": 1}


TEXTS = {
    "label first": ("label", ["Meet at\nBerlin, Germany", "Dear Sir\nthe soup was cold, awful\nyours, Anna"]),
    "label last": ("", ["Berlin, Germany\nMeet at noon", "the soup was cold, awful\nit, too\nyours"]),
    "empty line": ("label", ["Pros, many\n\nCons, none", "Pros, few\n\nCons, some"]),
}


@pytest.mark.parametrize(("first", "texts"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("often", [1, 30])
def test_texts_over_lines_that_have_the_cells_of_a_row_are_texts(tmp_path, capsys, first, texts, often):
    lines = [(text, label) for text, label in ROWS] + [(text, "pos") for text in texts] * often
    frame = pd.DataFrame(lines, columns=["text", "label"])
    path = tmp_path / "rows.csv"
    frame[["label", "text"] if first else ["text", "label"]].to_csv(path, index=False)
    assert pa.concat_tables(SourceFile(path).tables())["text"].to_pylist() == [text for text, _ in lines]
    assert "not sure" not in capsys.readouterr().out


def test_numbered_lines_of_a_text_are_no_rows_though_these_have_numbers(tmp_path):
    texts = [*(text for text, _ in ROWS), "what it takes\n3, eggs\n2, cups of milk"]
    pd.DataFrame({"id": range(61), "text": texts}).to_csv(tmp_path / "rows.csv", index=False)
    assert pa.concat_tables(SourceFile(tmp_path / "rows.csv").tables())["text"].to_pylist() == texts


def test_texts_that_may_be_rows_are_told(tmp_path, capsys):
    rows = [(text, f"{text[::-1]}") for text, _ in ROWS]
    lines = [f"{text},{other}" for text, other in rows]
    path = tmp_path / "pos.csv"
    path.write_text("\n".join(["title,text", *lines[:30], 'one,"two', 'three,four"', *lines[30:]]))
    pa.concat_tables(SourceFile(path).tables())
    said = capsys.readouterr().out
    assert "not sure: quoted lines that may be several rows are read as one text, in 1 place, first " in said
    assert repr('one,"two\nthree,four"\n') in said


def rows_of(path):
    """Return the rows of a file and its source."""
    source = SourceFile(path)
    return pa.concat_tables(source.tables()).drop(["_file", "_line"]), source


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2], [2, 1, 0]])
@pytest.mark.parametrize("choice", [["Product", ""], ["Product", "", "Service"]], ids=["one", "several"])
def test_a_column_that_holds_its_own_name_makes_no_header_a_row(tmp_path, order, choice):
    marks = [choice[i % len(choice)] for i in range(60)]
    for name, answers in {"Verdict": ["no", "yes"] * 30, "How are we doing?": [i % 5 for i in range(60)]}.items():
        frame = pd.DataFrame({"Product": marks, name: answers, "Tell us more": LONG}).iloc[:, order]
        frame.to_csv(tmp_path / "rows.csv", index=False)
        read, _ = rows_of(tmp_path / "rows.csv")
        assert read.column_names == list(frame.columns)
        assert len(read) == 60


def test_a_column_of_one_value_has_no_name():
    assert not has_header(["good film", "en"], [[text, "en"] for text, _ in ROWS])


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_the_row_under_the_header_of_surveymonkey_is_left_out(project, capsys, suffix):
    names = ["Respondent ID", "Start Date", "How likely are you to recommend us?", "Why?"]
    answers = [[str(1180 + i), "07/10/2023 00:24", ("no", "yes")[i % 2], text] for i, text in enumerate(LONG)]
    rows = [names, ["", "", "Response", "Open-Ended Response"], *answers]
    path = project.root / "rows.csv"
    pd.DataFrame(rows).to_csv(path, index=False, header=False)
    read, _ = rows_of(path if suffix == ".csv" else sheet_file(project, rows))
    assert read.column_names == names
    assert read["Why?"].to_pylist() == LONG
    assert "an export of SurveyMonkey: the row below the header describes the answers" in capsys.readouterr().out


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "byte-order mark"])
def test_the_header_again_is_no_row(tmp_path, capsys, mark):
    table = "".join(f'"{text}","{label}"\n' for text, label in ROWS)
    path = tmp_path / "rows.csv"
    path.write_text(f'{mark}"text","label"\n{table}' * 3, encoding="utf-8")
    read, source = rows_of(path)
    assert read.to_pylist() == [{"text": text, "label": label} for text, label in ROWS * 3]
    assert not source.rejects
    assert "rows.csv: 2 lines repeat the header, the first line 62, and are left out" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "mark"), [("rows.txt", " "), ("rows.txt", "\t"), ("rows.csv", ";")])
def test_rows_with_a_name_each_are_read(tmp_path, name, mark):
    texts = [f'{text}, {text} or \\"so\\"' if i % 3 else text for i, (text, _) in enumerate(ROWS)]
    lines = [
        f'"{i}"{mark}"{text}"{mark}"{label}"' for i, (text, (_, label)) in enumerate(zip(texts, ROWS, strict=True))
    ]
    path = tmp_path / name
    path.write_text("\n".join([f'"text"{mark}"label"', *lines]), encoding="utf-8")
    read, source = rows_of(path)
    assert read.column_names == ["column_1", "text", "label"]
    assert read["text"].to_pylist() == [text.replace("\\", "") for text in texts]
    assert read["label"].to_pylist() == [label for _, label in ROWS]
    assert not source.rejects


def test_rows_of_one_cell_more_than_the_header_are_no_row_names(tmp_path):
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *(f"{text}, so,{label}" for text, label in ROWS)]))
    source = SourceFile(tmp_path / "rows.csv")
    assert not sum(map(len, source.tables()))
    assert source.rejects.reasons == {"3 cells where the header has 2": 60}


@pytest.mark.parametrize("mark", [" ::: ", ":::", "|||", "\x01"])
def test_a_rare_delimiter_in_each_line_is_read(tmp_path, mark):
    path = tmp_path / "rows.txt"
    path.write_text("".join(f'{i}{mark}"{text}, so{mark}{label}\n' for i, (text, label) in enumerate(ROWS)))
    read, source = rows_of(path)
    assert read["column_2"].to_pylist() == [f'"{text}, so' for text, _ in ROWS]
    assert read["column_3"].to_pylist() == [label for _, label in ROWS]
    assert not source.rejects


@pytest.mark.parametrize("line", ["{text}@{label}", "{text} [{label}]"])
def test_a_file_without_a_known_delimiter_is_refused_with_those_that_are(project, monkeypatch, line):
    path = project.root / "rows.txt"
    path.write_text("\n".join(line.format(text=text, label=label) for text, label in ROWS), encoding="utf-8")
    said = refusal(project, monkeypatch, path)
    assert "no known delimiter splits its lines, so it has one column; known delimiters: comma, tab, semicolon" in said


def test_characters_that_nobody_sees_make_no_label_and_no_text(project, monkeypatch):
    labels = ["no", "no\u200b", "\ufeffno", "yes", "yes\u00a0\u200b", "\u200eyes"] * 10
    texts = [f"\ufeff{text}" if i % 3 == 1 else text for i, (text, _) in enumerate(ROWS)]
    recipe, read = written(project, monkeypatch, csv_file(project, {"text": texts, "label": labels}))
    assert recipe["labels"] == {"no": "no", "yes": "yes"}
    assert read["text"].tolist() == [text for text, _ in ROWS]
    counts = json.loads((project.root / "metrics/standardize.json").read_text())["train"]["labels"]
    assert counts == {"no": 30, "yes": 30}


def test_lines_of_another_encoding_are_told_with_what_fixes_them(project, monkeypatch, capsys):
    labels = ["gut", "schlecht"]
    lines = [f"Mein Paket kam zu spät, {text},{labels[i % 2]}\n" for i, (text, _) in enumerate(ROWS)]
    lines = [line.replace(", ", " ") for line in lines]
    path = project.root / "rows.csv"
    encoded = [line.encode("cp1252" if i % 3 else "utf-8") for i, line in enumerate(lines * 2)]
    path.write_bytes(b"text,label\n" + b"".join(encoded[:60:3] + encoded[60::3] + encoded[1:4:3]))
    monkeypatch.chdir(project.root)
    main([str(path), "--name", "sample", "--force"])
    said = capsys.readouterr().out
    assert f"first line 42 (invalid bytes): '{lines[1][:20].replace('ä', chr(0xFFFD))}" in said
    with pytest.raises(
        StrataError, match=r"line 42, invalid bytes: 'Mein Paket kam.*if other lines are UTF-8, docs/data.md"
    ):
        project.run("ingest")
    guide = (ROOT / "docs/data.md").read_text(encoding="utf-8")
    command = re.search(r"python -c '(.*?)' < mixed.csv > fixed.csv", guide, re.DOTALL)[1].replace("\n    ", "\n")
    fixed = subprocess.run([sys.executable, "-c", command], input=path.read_bytes(), capture_output=True, check=True)
    assert fixed.stdout.decode() == "text,label\n" + "".join([*lines[::3], *lines[::3], lines[1]])


PARTS = (
    "It cost 5,000",
    "worth it",
    "great, really",
    "3,50 Euro",
    '"quoted" word',
    "10,000 people",
    "nice",
    "1,5 stars",
)
LAYOUTS = (("text", "label"), ("label", "text"), ("id", "text", "label"), ("text", "id", "label"), ("id", "text"))


@pytest.mark.parametrize("seed", range(60))
def test_texts_of_several_lines_with_numbers_and_commas_stay_texts(tmp_path, seed):
    """csv.writer quotes them; a part of a number after a comma must not be taken for the next row's label or id."""
    rng = random.Random(seed)
    layout, labels = rng.choice(LAYOUTS), rng.choice([("0", "1"), ("pos", "neg"), ("1", "2", "3"), ("True", "False")])
    rows = []
    for i in range(60):
        lines = rng.choices(PARTS, k=rng.choice([1, 1, 2, 3]))
        rows.append({"id": str(i), "text": "\n".join(lines), "label": rng.choice(labels)})
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    with (tmp_path / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=quoting, lineterminator="\n")
        writer.writerow(layout)
        writer.writerows([row[name] for name in layout] for row in rows)
    read, _ = rows_of(tmp_path / "rows.csv")
    assert read.to_pylist() == [{name: row[name] for name in layout} for row in rows]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_delimiter_at_the_end_of_each_row_makes_an_empty_column(tmp_path, capsys, mark):
    path = tmp_path / "rows.csv"
    lines = [mark.join(["id", "text", "label"]), *(mark.join([str(i), "good film", "pos", ""]) for i in range(1, 61))]
    path.write_text("\n".join(lines), "utf-8")
    read, source = rows_of(path)
    assert not source.rejects
    assert read.to_pylist()[59] == {"id": "60", "text": "good film", "label": "pos", "column_4": None}
    assert (
        "rows.csv: the first rows end with a delimiter that the header lacks, so column_4 is added"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "lines",
    [("id,text,label", "{i},Paris{i}, France,pos"), ("text;label;note", "{i};good film;pos;")],
    ids=["comma in the text", "names of rows, which R writes without a name above them"],
)
def test_a_cell_too_many_makes_no_column(tmp_path, lines):
    header, row = lines
    path = tmp_path / "rows.csv"
    path.write_text(header + "\n" + "".join(row.format(i=i) + "\n" for i in range(1, 61)), "utf-8")
    source = SourceFile(path)
    assert sum(table.num_rows for table in source.tables()) == 0
    assert len(source.rejects) == 60


@pytest.mark.parametrize("labels", [("spam", ""), ("spam", "ham")])
def test_a_first_text_beside_its_label_is_no_header(tmp_path, labels):
    path = tmp_path / "rows.csv"
    texts = [f"great film {word} today" for word in ("one", "two", "three", "four")]
    path.write_text("".join(f"{texts[i % 4]} {i},{labels[i % 2]}\n" for i in range(60)), "utf-8")
    read, _ = rows_of(path)
    assert read.num_rows == 60
