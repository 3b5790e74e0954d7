"""Every file in odd_files/ ends as outcomes.yaml says: rows read, rows set aside, or one line of refusal."""

import shutil

import pyarrow.parquet as pq
import pytest

from strata.base.errors import StrataError
from strata.settings.yaml_loader import read_yaml
from tests.conftest import ROOT

FOLDER = ROOT / "tests/odd_files"
OUTCOMES = read_yaml(FOLDER / "outcomes.yaml")


def test_every_odd_file_has_an_expected_outcome():
    assert {path.name for path in FOLDER.iterdir()} == {*OUTCOMES, "outcomes.yaml"}


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_odd_file_has_its_expected_outcome(project, name):
    outcome = OUTCOMES[name]
    shutil.copy(FOLDER / name, project.raw(name))
    project.recipe(source={"train": name})
    project.params(ingest={"max_rejects": 0.8})
    if "error" in outcome:
        with pytest.raises(StrataError) as caught:
            project.run("ingest")
        assert name in str(caught.value) or outcome["error"] == "its files hold no row"
        assert outcome["error"] in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not (project.root / "data/ingest").exists()
        return
    project.run("ingest")
    rows = pq.read_table(project.root / "data/ingest/train.parquet").to_pylist()
    assert [row[outcome.get("column", "text")] for row in rows] == outcome["texts"]
    rejects = pq.read_table(project.root / "data/ingest/rejects.parquet").to_pylist()
    assert {reject["line"]: reject["reason"] for reject in rejects} == outcome.get("rejects", {})
    assert all(reject["file"] == name and reject["raw"] for reject in rejects)
