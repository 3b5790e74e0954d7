"""A source may be a folder of folders of texts, files named after their labels, or one table of a file."""

import json
import zipfile
from types import SimpleNamespace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from strata.base.errors import StrataError
from strata.commands.recipe import main
from strata.reading.spreadsheet import _rows
from strata.settings.yaml_loader import read_yaml
from tests.conftest import reviews

ROWS = reviews(40)


def rows_of(project, train, test=None):
    project.raw("reviews.csv").unlink(missing_ok=True)
    project.recipe(source={"train": train, "test": test})
    project.run("ingest")
    tables = [
        pq.read_table(project.root / f"data/ingest/{name}.parquet") for name in ("train", "test")[: 1 + bool(test)]
    ]
    return [table.to_pylist() for table in tables]


def write_texts(folder, suffix=".txt"):
    for i, (text, label) in enumerate(ROWS):
        path = folder / label / f"{i:02}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


@pytest.mark.parametrize(("suffix", "pattern"), [(".txt", "{label}/*.txt"), ("", "{label}/*"), (".eml", "{label}/*")])
def test_each_file_of_a_labels_folder_is_one_text(project, suffix, pattern):
    write_texts(project.raw("x").parent, suffix)
    (project.raw("neg") / ".DS_Store").write_bytes(b"\0")
    (rows,) = rows_of(project, pattern)
    assert {(row["text"], row["label"]) for row in rows} == set(ROWS)
    assert [row["_file"] for row in rows] == sorted(row["_file"] for row in rows)
    assert rows[0]["_file"] == f"neg/00{suffix}"


def test_a_text_in_another_encoding_is_read_and_a_damaged_one_is_rejected(project):
    folder = project.raw("x").parent
    write_texts(folder)
    (folder / "neg/a.txt").write_bytes("café crème".encode("cp1252"))
    (folder / "neg/b.txt").write_bytes(b"nul \0 byte")
    (folder / "neg/c.txt").write_bytes(b"")
    project.params(ingest={"max_rejects": 0.1})
    (rows,) = rows_of(project, "{label}/*.txt")
    texts = {row["_file"]: row["text"] for row in rows}
    assert (texts["neg/a.txt"], texts["neg/c.txt"], "neg/b.txt" in texts) == ("café crème", None, False)
    rejects = pq.read_table(project.root / "data/ingest/rejects.parquet").to_pylist()
    assert [(reject["file"], reject["reason"]) for reject in rejects] == [("neg/b.txt", "NUL byte")]


def test_tables_and_lines_are_labelled_by_their_names(project):
    for label in ("Fake", "True"):
        pd.DataFrame({"title": ["t"], "text": [f"{label} text"]}).to_csv(project.raw(f"{label}.csv"), index=False)
        project.raw(f"{label}.txt").write_text(f"one of {label}\n\ntwo, of {label}\n", encoding="utf-8")
    (rows,) = rows_of(project, "{label}.csv")
    assert [(row["label"], row["text"], row["title"]) for row in rows][1] == ("True", "True text", "t")
    (rows,) = rows_of(project, "{label}.txt")
    assert [(row["label"], row["text"], row["_line"]) for row in rows][:2] == [
        ("Fake", "one of Fake", 1),
        ("Fake", "two, of Fake", 3),
    ]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("{label}/{label}.txt", r"\{label\} may stand once, and \*\* only after it"),
        ("**/{label}/*.txt", r"\{label\} may stand once"),
        ("{label}/*.md", "no such file"),
        ("../{label}.csv", "must be inside"),
        ("{label}.csv", r"True.csv: has a column called label, the name of the label in its path"),
        ("a.csv#x", "a.csv: has no parts to name; leave out #x"),
        ("a.json#x", "it is no object of lists, so it has no part 'x'"),
        ("b.json#tset", "no part 'tset' in it; did you mean test"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(project, source, sentence):
    pd.DataFrame({"text": ["a"], "label": ["b"]}).to_csv(project.raw("True.csv"), index=False)
    pd.DataFrame({"text": ["a"], "label": ["b"]}).to_csv(project.raw("a.csv"), index=False)
    project.raw("a.json").write_text('[{"text": "a"}]', encoding="utf-8")
    project.raw("b.json").write_text('{"train": [{"text": "a"}], "test": [{"text": "b"}]}', encoding="utf-8")
    with pytest.raises(StrataError, match=sentence):
        rows_of(project, source)


def test_a_part_is_read_by_its_name(project, capsys):
    parts = {"train": [["a long text", "x"]], "val": [["b long text", "y"]], "test": [["c long text", "x"]]}
    project.raw("b.json").write_text(json.dumps(parts), encoding="utf-8")
    train, test = rows_of(project, ["b.json#train", "b.json#val"], "b.json#test")
    assert [row["text"][0] for row in train + test] == ["a", "b", "c"]
    assert train[1]["_file"] == "b.json#val"
    rows_of(project, "b.json")
    assert "b.json: its part 'train' is read, and not val, test" in capsys.readouterr().out


def recipe_for(project, monkeypatch, path):
    monkeypatch.chdir(project.root)
    project.raw("reviews.csv").unlink(missing_ok=True)
    main([str(path), "--name", "sample", "--force"])
    recipe = read_yaml(project.root / "recipes/sample.yaml")
    project.run("ingest", "standardize")
    return recipe


def test_a_first_recipe_for_a_folder_of_folders(project, monkeypatch, tmp_path, capsys):
    for split in ("train", "test"):
        write_texts(tmp_path / "reviews" / split)
    (tmp_path / "reviews/train/unsup").mkdir()
    (tmp_path / "reviews/train/unsup/1.txt").write_text("no label here", encoding="utf-8")
    recipe = recipe_for(project, monkeypatch, tmp_path / "reviews")
    assert recipe["source"] == {"train": "train/{label}/*.txt", "test": "test/{label}/*.txt"}
    assert list(recipe["labels"]) == ["neg", "pos"]
    printed = capsys.readouterr().out
    assert "source: the label is the folder of each text: train/{label}/*.txt" in printed
    assert "1 texts of 'unsup' are taken for unlabelled and left out" in printed
    metrics = json.loads((project.root / "metrics/standardize.json").read_text())
    assert (metrics["train"]["rows"], metrics["test"]["rows"]) == (40, 40)


def test_a_first_recipe_for_files_named_after_their_labels(project, monkeypatch, tmp_path):
    (tmp_path / "news").mkdir()
    for label in ("Fake", "True"):
        frame = pd.DataFrame({"title": "t", "text": [f"{label} {text}" for text, _ in ROWS]})
        frame.to_csv(tmp_path / "news" / f"{label}.csv", index=False)
    recipe = recipe_for(project, monkeypatch, tmp_path / "news")
    assert recipe["source"]["train"] == "{label}.csv"
    assert recipe["labels"] == {"fake": "Fake", "true": True}


def test_a_first_recipe_for_a_folder_of_splits(project, monkeypatch, tmp_path, capsys):
    (tmp_path / "splits").mkdir()
    for split in ("train", "dev", "test"):
        frame = pd.DataFrame(ROWS, columns=["text", "label"])
        (frame.drop(columns="label") if split == "dev" else frame).to_csv(tmp_path / f"splits/{split}.csv", index=False)
    assert recipe_for(project, monkeypatch, tmp_path / "splits")["source"] == {"train": "train.csv", "test": "test.csv"}
    assert "source: not read: dev.csv" in capsys.readouterr().out
    frame.drop(columns="label").to_csv(tmp_path / "splits/test.csv", index=False)
    (project.root / "data/raw/sample/test.csv").unlink()
    assert recipe_for(project, monkeypatch, tmp_path / "splits")["source"]["test"] is None
    printed = capsys.readouterr().out
    assert "test.csv is no test split, since it has no label" in printed
    assert "is the test split" not in printed


def test_a_first_recipe_for_the_parts_of_a_file(project, monkeypatch, tmp_path, capsys):
    pairs = [[f"{text} and more", label] for text, label in ROWS]
    (tmp_path / "intents.json").write_text(json.dumps({"train": pairs, "val": pairs[:2], "test": pairs[:8]}))
    recipe = recipe_for(project, monkeypatch, tmp_path / "intents.json")
    assert recipe["source"] == {"train": "intents.json#train", "test": "intents.json#test"}
    printed = capsys.readouterr().out
    assert "source: intents.json holds train, val, test: train is read for training" in printed
    assert "source: intents.json#test is the test split" in printed


def test_names_in_a_parquet_schema_are_the_labels_in_id_order(project, monkeypatch, tmp_path):
    import pyarrow as pa

    feature = {"names": ["praise", "blame", "never"], "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
    schema = pa.schema([("text", pa.string()), ("label", pa.int64())], metadata=metadata)
    labels = [int(label == "neg") for _, label in ROWS]
    pq.write_table(pa.table({"text": [text for text, _ in ROWS], "label": labels}, schema), tmp_path / "named.parquet")
    recipe = recipe_for(project, monkeypatch, tmp_path / "named.parquet")
    assert list(recipe["labels"].items()) == [("praise", "praise"), ("blame", "blame")]


def test_files_that_are_there_already_are_not_taken_for_more(project, monkeypatch, tmp_path):
    monkeypatch.chdir(project.root)
    for label in ("Fake", "True"):
        (tmp_path / f"{label}.csv").write_text(
            "title,text\n" + "".join(f"t,a b c {i}\n" for i in range(9)), encoding="utf-8"
        )
    with pytest.raises(StrataError, match=r"sample: holds reviews.csv, which \{label\}.csv would match too; choose"):
        main([str(tmp_path), "--name", "sample", "--force"])


def test_why_a_guess_failed_is_said_with_the_rows_that_could_not_be_read(project, monkeypatch, tmp_path):
    monkeypatch.chdir(project.root)
    path = tmp_path / "odd.csv"
    path.write_text("text,label\na b c,x\n" + "".join(f"{i} one, two, three\n" for i in range(50)), encoding="utf-8")
    with pytest.raises(StrataError) as raised:
        main([str(path)])
    assert (
        "only 1 row can be read; 50 rows cannot be read, first line 3 (3 cells where the header has 2): '0 one"
        in str(raised.value)
    )


def test_the_other_parts_are_named_where_the_one_that_is_read_holds_no_table(project, monkeypatch, tmp_path):
    monkeypatch.chdir(project.root)
    path = tmp_path / "book.json"
    path.write_text(json.dumps({"notes": [{"note": "made in May"}], "pages": [{"number": 4}]}), encoding="utf-8")
    with pytest.raises(StrataError) as raised:
        main([str(path)])
    assert "no column can be the text: note (one value)" in str(raised.value)
    said = "book.json holds notes, pages: notes is read for training; pages not read; name another as book.json#PART"
    assert said in str(raised.value)
    rows = [{"text": text, "label": label} for text, label in ROWS]
    path.write_text(json.dumps({"notes": [{"note": "made in May"}], "rows": rows}), encoding="utf-8")
    assert recipe_for(project, monkeypatch, tmp_path / "book.json#rows")["source"]["train"] == "book.json#rows"


def workbook(path, sheets):
    """Write the least that is an Excel file. sheets: the rows of each by its name."""
    schemas = "http://schemas.openxmlformats.org"
    main, related = f"{schemas}/spreadsheetml/2006/main", f"{schemas}/officeDocument/2006/relationships"

    def links(kind, *targets):
        each = (f'<Relationship Type="{related}/{kind}" Target="{to}" Id="r{i}"/>' for i, to in enumerate(targets))
        return f'<Relationships xmlns="{schemas}/package/2006/relationships">{"".join(each)}</Relationships>'

    names = [f"worksheets/sheet{i}.xml" for i in range(len(sheets))]
    listed = "".join(f'<sheet name="{name}" sheetId="{i + 1}" r:id="r{i}"/>' for i, name in enumerate(sheets))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_rels/.rels", links("officeDocument", "xl/workbook.xml"))
        book = f'<workbook xmlns="{main}" xmlns:r="{related}"><sheets>{listed}</sheets></workbook>'
        archive.writestr("xl/workbook.xml", book)
        archive.writestr("xl/_rels/workbook.xml.rels", links("worksheet", *names))
        for name, rows in zip(names, sheets.values(), strict=True):
            cells = "".join(
                f'<c r="{"AB"[x]}{y}" t="inlineStr"><is><t>{cell}</t></is></c>'
                for y, row in enumerate(rows, 1)
                for x, cell in enumerate(row)
            )
            sheet = f'<worksheet xmlns="{main}"><sheetData><row>{cells}</row></sheetData></worksheet>'
            archive.writestr(f"xl/{name}", sheet)


def test_the_sheet_that_is_read_is_named_and_another_can_be(project, capsys):
    header = ("text", "label")
    workbook(project.raw("b.xlsx"), {name: [header, (f"{name} text", "x")] for name in ("April", "May")})
    (rows,) = rows_of(project, "b.xlsx")
    assert [row["text"] for row in rows] == ["April text"]
    assert "b.xlsx: its part 'April' is read, and not May; name another as FILE#PART" in capsys.readouterr().out
    (rows,) = rows_of(project, "b.xlsx#May")
    assert [(row["text"], row["_file"]) for row in rows] == [("May text", "b.xlsx#May")]
    assert "is read, and not" not in capsys.readouterr().out
    with pytest.raises(StrataError, match=r"b.xlsx: no part 'may' in it; did you mean May\?"):
        rows_of(project, "b.xlsx#may")


def test_a_first_recipe_names_the_sheet_that_is_read_and_reads_the_one_that_is_named(
    project, monkeypatch, tmp_path, capsys
):
    sheets = {"notes": [("note",), ("made in May",)], "May": [("text", "label"), *ROWS]}
    workbook(tmp_path / "book.xlsx", sheets)
    recipe = recipe_for(project, monkeypatch, tmp_path / "book.xlsx#May")
    assert recipe["source"]["train"] == "book.xlsx#May"
    workbook(tmp_path / "book.xlsx", dict(reversed(sheets.items())))
    recipe = recipe_for(project, monkeypatch, tmp_path / "book.xlsx")
    assert recipe["source"]["train"] == "book.xlsx#May"
    printed = capsys.readouterr().out
    assert "source: book.xlsx holds May, notes: May is read for training\n" in printed
    assert "source: notes not read; name another as book.xlsx#PART\n" in printed


@pytest.mark.parametrize(("rows", "words"), [(1, "first row stands"), (2, "first 2 rows stand")])
def test_rows_above_a_table_are_told(rows, words):
    said = []
    cells = [["a title"]] * rows + [["text", "label"], ["a b", "x"], ["c d", "y"]]
    sheet = SimpleNamespace(name="s", iter_rows=lambda: iter(cells), merged_cell_ranges=[])
    assert len(list(_rows("book.xlsx", sheet, said.append))) == 2
    assert said[0].startswith(f"its {words} above the table")


@pytest.mark.parametrize(
    ("folders", "source"),
    [
        (
            ["train/pos", "train/neg", "test/pos", "test/neg"],
            {"train": "train/{label}/*.txt", "test": "test/{label}/*.txt"},
        ),
        (["all/Train_set/pos", "all/Train_set/neg"], {"train": "Train_set/{label}/*.txt", "test": None}),
        (
            ["training_data/pos", "training_data/neg", "test-data/pos", "test-data/neg"],
            {"train": "training_data/{label}/*.txt", "test": "test-data/{label}/*.txt"},
        ),
        (["pos/2019", "pos/2020", "neg/2021"], {"train": "{label}/**/*.txt", "test": None}),
        (["books/pos", "books/neg", "films/pos", "films/neg"], {"train": "*/{label}/*.txt", "test": None}),
        (
            ["train/books/pos", "train/books/neg", "train/films/pos", "train/films/neg"],
            {"train": "train/*/{label}/*.txt", "test": None},
        ),
    ],
)
def test_a_first_recipe_for_folders_in_folders(project, monkeypatch, tmp_path, folders, source):
    for i, (text, _) in enumerate(ROWS):
        for folder in folders:
            path = tmp_path / "texts" / folder / f"{i}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text} {folder} {i}", encoding="utf-8")
    recipe = recipe_for(project, monkeypatch, tmp_path / "texts")
    assert recipe["source"] == source
    assert recipe["labels"] == {"neg": "neg", "pos": "pos"}


@pytest.mark.parametrize(
    ("suffix", "start", "words"),
    [
        (".eml", "From: a@b.edu\nSubject: x\n\n", "not sure: the texts are mail, read with its headers"),
        ("", "From a@b Mon Jan  1 00:00:00 2020\nReceived: by c\n  on Monday\nTo: d\n\n", "the texts are mail"),
        (".rtf", "{\\rtf1 ", "not sure: .rtf files are read as they stand; they are a document; save the text of each"),
    ],
)
def test_texts_that_stand_in_mail_or_documents_are_told(project, monkeypatch, tmp_path, capsys, suffix, start, words):
    write_texts(tmp_path / "mail", suffix)
    for path in (tmp_path / "mail").rglob(f"[0-9][0-9]{suffix}"):
        path.write_text(start + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert recipe_for(project, monkeypatch, tmp_path / "mail")["source"]["train"] == "{label}/*"
    assert words in capsys.readouterr().out


def test_a_folder_of_many_kinds_of_file_is_refused_with_the_kinds(project, monkeypatch, tmp_path):
    monkeypatch.chdir(project.root)
    write_texts(tmp_path / "downloads")
    for name in ("a.csv", "b.json", "c.parquet", "d.tsv", "e.xlsx"):
        (tmp_path / "downloads" / name).write_text("text,label\na,b\n")
    with zipfile.ZipFile(tmp_path / "downloads/f.zip", "w") as archive:
        archive.writestr("1.csv", "")
        archive.writestr("2.csv", "")
    with pytest.raises(StrataError, match=r"5 files of several kinds \(\.csv, .*\); name one of them, or put those"):
        main([str(tmp_path / "downloads")])


def test_the_level_of_the_label_is_told(project, monkeypatch, tmp_path, capsys):
    for folder in ("books/pos", "books/neg", "films/pos", "films/neg"):
        (tmp_path / "texts" / folder).mkdir(parents=True)
        for i in range(5):
            (tmp_path / "texts" / folder / f"{i}.txt").write_text(f"a text of {folder} {i}", encoding="utf-8")
    recipe_for(project, monkeypatch, tmp_path / "texts")
    assert (
        "the label is the folder of each text: */{label}/*.txt, the inner one of two, since books, films hold folders "
        "of the same names; the outer is {label}/**/*" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("names", "source"),
    [
        (["films_train.csv", "films_test.csv"], {"train": "films_train.csv", "test": "films_test.csv"}),
        (
            ["train-00000-of-00002.csv", "train-00001-of-00002.csv", "test-00000-of-00001.csv"],
            {"train": ["train-00000-of-00002.csv", "train-00001-of-00002.csv"], "test": "test-00000-of-00001.csv"},
        ),
    ],
)
def test_files_with_a_split_in_their_names_are_not_read_as_one(project, monkeypatch, tmp_path, names, source):
    (tmp_path / "films").mkdir()
    for name in names:
        pd.DataFrame(ROWS, columns=["text", "label"]).to_csv(tmp_path / "films" / name, index=False)
    assert recipe_for(project, monkeypatch, tmp_path / "films")["source"] == source


@pytest.mark.parametrize(
    ("given", "name"),
    [("a/b", "a_b"), ("my films!", "my_films"), ("2024", "data_2024"), ("U\u0308bersicht Mär", "Ubersicht_Mar")],
)
def test_a_changed_name_is_told(project, monkeypatch, capsys, given, name):
    monkeypatch.chdir(project.root)
    main([str(project.raw("reviews.csv")), "--name", given])
    assert (project.root / f"recipes/{name}.yaml").is_file()
    assert f"\nnamed {name}, since a name has letters" in capsys.readouterr().out
    main([str(project.raw("reviews.csv")), "--name", "plain"])
    assert "named" not in capsys.readouterr().out


def test_rows_are_found_in_deep_wrappers(project):
    rows = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
    wrapped = {"status": "ok", "response": {"data": {"result": {"items": rows}}}}
    project.raw("answer.json").write_text(json.dumps(wrapped, indent=1), encoding="utf-8")
    assert [row["text"] for row in rows_of(project, "answer.json")[0]] == ["a", "b"]
