"""Files and folders appear whole or not at all, and nothing that existed is lost."""

from pathlib import Path

import pytest

from strata.base import files


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
