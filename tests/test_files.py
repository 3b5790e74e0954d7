"""Files and folders appear whole or not at all, and nothing that existed is lost."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.base import files, spreadsheet


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder that an earlier run wrote."""
    path = tmp_path / "out"
    path.mkdir()
    (path / "a.txt").write_text("earlier")
    return path


def names(folder):
    return sorted(path.name for path in folder.parent.iterdir())


def test_a_folder_is_replaced_whole(folder):
    with files.replace_folder(folder) as partial:
        (partial / "b.txt").write_text("new")
        assert (folder / "a.txt").exists()
    assert [path.name for path in folder.iterdir()] == ["b.txt"]
    assert names(folder) == ["out"]


def test_an_error_leaves_the_earlier_folder(folder):
    with pytest.raises(ValueError), files.replace_folder(folder) as partial:
        (partial / "b.txt").write_text("half")
        raise ValueError
    assert [path.name for path in folder.iterdir()] == ["a.txt"]
    assert names(folder) == ["out"]


@pytest.mark.parametrize("which", [1, 2])
def test_an_interrupt_between_the_moves_loses_nothing(folder, monkeypatch, which):
    replace, calls = Path.replace, []

    def interrupted(self, target):
        calls.append(target)
        if len(calls) == which:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), files.replace_folder(folder) as partial:
        (partial / "b.txt").write_text("new")
    assert [path.name for path in folder.iterdir()] == ["a.txt"]
    assert names(folder) == ["out"]


def test_what_a_kill_between_the_moves_left_is_put_back(folder):
    folder.rename(folder.with_name(".out.previous"))
    with pytest.raises(ValueError), files.replace_folder(folder):
        raise ValueError
    assert [path.name for path in folder.iterdir()] == ["a.txt"]


def test_metrics_have_six_significant_digits_and_json_has_all(tmp_path):
    content = {"accuracy": 0.847010550996483, "rows": 1_706_123, "p": 1.23456789e-12, "losses": [2 / 3, (1e9 / 7,)]}
    content |= {
        "name": "0.847010550996483",
        "is_exact": True,
        "low": None,
        "half": np.float64(0.5),
        "whole": 12345678.0,
    }
    files.write_metrics(tmp_path / "metrics.json", content)
    assert files.read_json(tmp_path / "metrics.json") == {
        "accuracy": 0.847011,
        "rows": 1_706_123,
        "p": 1.23457e-12,
        "losses": [0.666667, [142857000.0]],
        "name": "0.847010550996483",
        "is_exact": True,
        "low": None,
        "half": 0.5,
        "whole": 12345700.0,
    }
    files.write_json(tmp_path / "calibration.json", {"temperature": 0.847010550996483})
    assert files.read_json(tmp_path / "calibration.json") == {"temperature": 0.847010550996483}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_has_no_word_for_is_refused(tmp_path, number):
    for write in (files.write_json, files.write_metrics):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write(tmp_path / "metrics.json", {"loss": [number]})
    assert not list(tmp_path.iterdir())


def test_the_floats_of_a_curve_have_six_significant_digits_and_all_else_stays(tmp_path):
    curve = pd.DataFrame(
        {
            "label": ["0.123456789", 'a "b", c', None],
            "rows": [1, 12_345_678, 3],
            "share": [1 / 3, 1.0, float("nan")],
            "kept": [True, False, True],
        }
    )
    files.write_curve(tmp_path / "curve.csv", curve)
    assert (tmp_path / "curve.csv").read_bytes() == (
        b'label,rows,share,kept\n0.123456789,1,0.333333,True\n"a ""b"", c",12345678,1,False\n,3,,True\n'
    )


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-a", "@SUM(1)", "\t=1", "- a film", "'=1", "''-"])
def test_a_cell_that_a_spreadsheet_would_compute_gets_an_apostrophe(tmp_path, cell):
    curve = pd.DataFrame({"label": [cell, "good", None], "share": [-0.5, 1.0, 2.0], "rows": [-1, 2, 3]})
    files.write_curve(tmp_path / "curve.csv", curve)
    read = pd.read_csv(tmp_path / "curve.csv", keep_default_na=False, dtype=str)
    assert read["label"].tolist() == [f"'{cell}", "good", ""]
    assert read["share"].tolist() == ["-0.5", "1", "2"]
    assert curve["label"][0] == cell


@given(st.one_of(st.text(), st.text("'=+-@1.a\t\r")))
def test_a_guarded_cell_is_read_as_it_was_and_never_starts_like_a_formula(cell):
    guarded = spreadsheet.guarded(cell)
    assert spreadsheet.unguarded(guarded) == cell
    assert guarded[:1] not in list("=+-@\t\r") or spreadsheet.NUMBER.fullmatch(guarded)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_rounding_twice_is_rounding_once_and_loses_less_than_a_millionth(number):
    once = files.rounded(number)
    assert files.rounded(once) == once
    assert once == pytest.approx(number, rel=1e-5, abs=5e-324) or abs(number) > 1.7976e308
