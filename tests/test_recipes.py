"""Recipes whose data users bring themselves run on files with the same columns."""

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from benchmarks.ingest import generate
from tests.conftest import committed

SPEAKERS = ["Dwight", "Michael", "Jim", "Pam", "Andy", "Angela", "Kevin", "Erin", "Oscar", "Ryan"]


def baseline(project, recipe):
    """Run a shipped recipe on the project's files up to the baseline; return the metrics of each stage."""
    path = project.root / "recipes/sample.yaml"
    path.write_text(committed(f"recipes/{recipe}.yaml"), encoding="utf-8")
    stages = ("ingest", "standardize", "split", "resample", "baseline")
    project.run(*stages)
    return {stage: json.loads((project.root / f"metrics/{stage}.json").read_text()) for stage in stages}


def test_the_spoiler_recipe_runs_on_a_file_with_its_columns(project):
    generate.main(300, project.raw("IMDB_reviews.json"))
    metrics = baseline(project, "imdb_spoilers")
    assert metrics["standardize"]["train"]["rows_read"] == 300
    assert list(metrics["split"]["test"]["labels"]) == ["no_spoiler", "spoiler"]
    assert metrics["baseline"]["majority"]["accuracy"] > 0.5
    texts = pd.read_parquet(project.root / "data/standardize/train.parquet")
    first = json.loads(project.raw("IMDB_reviews.json").read_text(encoding="utf-8").splitlines()[0])
    assert texts["text"][0].startswith(first["review_summary"].split()[0])
    assert texts["group"][0] == first["movie_id"]


@pytest.mark.parametrize(
    ("recipe", "rows", "annotation"),
    [
        ("office", 200, None),
        ("office_long", 160, None),
        ("office_credits", 200, "<director=Ken Kwapis> <writer=Greg Daniels>"),
    ],
)
def test_the_office_recipes_run_on_a_file_with_their_columns(project, recipe, rows, annotation):
    lines = pd.DataFrame(
        {
            "index": i,
            "season": 1,
            "episode": 1,
            "episode_name": f"Part {i // 5}",
            "director": "Ken Kwapis",
            "writer": "Greg Daniels;Ricky Gervais",
            "character": SPEAKERS[i % 10],
            "text": f"line {i}" if i % 5 == 1 else f"line {i} and some more words",
            "text_w_direction": f"line {i}",
        }
        for i in range(200)
    )
    bit_part = lines.head(1).assign(character="Bob Vance")
    pd.concat([lines, bit_part]).to_csv(project.raw("schrute.csv"), index=False)
    metrics = baseline(project, recipe)
    assert metrics["standardize"]["train"]["rows"] == rows
    assert metrics["baseline"]["majority"]["accuracy"] == pytest.approx(0.9, abs=0.05)
    first = pq.read_table(project.root / "data/standardize/train.parquet").slice(0, 1).to_pylist()[0]
    assert (first["text"], first["annotation"]) == ("line 0 and some more words", annotation)
