"""The overlap of any two files, with examples."""

import json

import pytest

from strata.base.errors import StrataError
from strata.commands import audit
from strata.duplicates.overlap import overlap
from tests.conftest import reviews, write_csv

LONG = "a long review of a film that nobody has seen but everybody talks about all day long in every cafe of the town"


def test_copies_and_near_copies_are_counted_and_shown(tmp_path, capsys):
    rows = reviews(40)
    write_csv(tmp_path / "one.csv", [*rows, (LONG, "pos")])
    other = [(rows[3][0].upper() + "!", "neg"), (LONG.replace("cafe", "bar"), "neg"), ("nothing like it at all", "pos")]
    write_csv(tmp_path / "other.tsv".replace("tsv", "csv"), other)
    audit.main([str(tmp_path / "one.csv"), str(tmp_path / "other.csv")])
    printed = capsys.readouterr().out
    assert "one.csv 41 rows" in printed
    assert "1 rows of" in printed
    assert f"one.csv, row 4: {rows[3][0]}" in printed
    assert f"other.csv, row 1: {rows[3][0].upper()}!" in printed
    assert f"one.csv, row 41: {LONG}" in printed
    shared = overlap([tmp_path / "one.csv", tmp_path / "other.csv"], ["text", "text"], 0.7)
    assert shared.copies.tolist() == [[3, 0]]
    assert shared.near_copies.tolist() == [[40, 1]]


def test_a_column_that_is_not_there_is_named(tmp_path):
    write_csv(tmp_path / "one.csv", reviews(4), ("review", "label"))
    with pytest.raises(StrataError, match=r"one.csv: no column 'text'; name it with --text; allowed: review"):
        audit.main([str(tmp_path / "one.csv"), str(tmp_path / "one.csv")])


def test_a_part_of_a_file_is_compared(tmp_path, capsys):
    rows = [{"text": text, "label": label} for text, label in reviews(4)]
    (tmp_path / "both.json").write_text(json.dumps({"train": rows[:3], "test": rows}), encoding="utf-8")
    both = str(tmp_path / "both.json")
    audit.main([f"{both}#train", f"{both}#test"])
    printed = capsys.readouterr().out
    assert f"audit: {both}#train 3 rows, {both}#test 4 rows" in printed
    assert f"3 rows of {both}#test (75.00%) are copies of rows of {both}#train" in printed
    assert f"both.json#test, row 1: {rows[0]['text']}" in printed
    with pytest.raises(StrataError, match=r"both.json: no part 'tset' in it; did you mean test\?"):
        audit.main([f"{both}#tset", both])
    with pytest.raises(StrataError, match=r"none.json#train: no such file"):
        audit.main([str(tmp_path / "none.json#train"), both])


def test_a_file_with_a_number_sign_in_its_name_is_a_file(tmp_path, capsys):
    write_csv(tmp_path / "no#1.csv", reviews(4))
    audit.main([str(tmp_path / "no#1.csv"), str(tmp_path / "no#1.csv")])
    assert "no#1.csv 4 rows" in capsys.readouterr().out


def test_each_file_may_name_its_column_of_texts(tmp_path, capsys):
    write_csv(tmp_path / "one.csv", reviews(4))
    write_csv(tmp_path / "other.csv", reviews(4), ("review", "label"))
    audit.main([str(tmp_path / "one.csv"), str(tmp_path / "other.csv"), "--text", "text", "--text", "review"])
    assert (
        f"4 rows of {tmp_path}/other.csv (100.00%) are copies of rows of {tmp_path}/one.csv" in capsys.readouterr().out
    )


def test_rows_without_a_text_copy_nothing(tmp_path, capsys):
    write_csv(tmp_path / "one.csv", [*reviews(4), ("", "pos"), ("  ", "pos")])
    write_csv(tmp_path / "other.csv", [("", "neg"), ("something else entirely here", "neg")])
    audit.main([str(tmp_path / "one.csv"), str(tmp_path / "other.csv")])
    printed = capsys.readouterr().out
    assert "0 rows of" in printed.splitlines()[3]
    assert f"audit: 2 rows of {tmp_path}/one.csv have no text and copy nothing" in printed
    assert f"audit: 1 rows of {tmp_path}/other.csv have no text and copy nothing" in printed


def test_rows_that_cannot_be_read_are_told(tmp_path, capsys):
    write_csv(tmp_path / "one.csv", reviews(4))
    write_csv(tmp_path / "other.csv", [*reviews(4), ("a", "b", "c")])
    audit.main([str(tmp_path / "one.csv"), str(tmp_path / "other.csv")])
    assert (
        f"audit: 1 rows of {tmp_path}/other.csv cannot be read and are not compared; "
        "first: line 6 (3 cells where the header has 2)"
    ) in capsys.readouterr().out


def test_a_copy_of_two_rows_and_a_chain_of_near_copies_are_pairs_with_rows_of_the_first_file(tmp_path):
    words = LONG.split()
    chain = [" ".join(words[:n] + ["other"] * (len(words) - n)) for n in (22, 20, 18)]
    write_csv(tmp_path / "one.csv", [("short", "pos"), (chain[0], "pos"), ("short", "pos")])
    write_csv(tmp_path / "other.csv", [(chain[2], "neg"), ("Short!", "neg"), (chain[1], "neg"), ("else", "neg")])
    shared = overlap([tmp_path / "one.csv", tmp_path / "other.csv"], ["text", "text"], 0.7)
    assert shared.rows == [3, 4]
    assert shared.copies.tolist() == [[0, 1]]
    assert shared.near_copies.tolist() == [[1, 0], [1, 2]]


@pytest.mark.parametrize("word", ["0.4", "two"])
def test_a_similarity_out_of_range_is_told(word):
    with pytest.raises(StrataError, match="--near-duplicate"):
        audit.main(["a.csv", "b.csv", "--near-duplicate", word])
