"""The source's columns travel to the rows that are scored, by id."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from stages.split.__main__ import kept_rows
from strata.base import tables
from tests.conftest import write_csv

HEADER = ("text", "label", "who", "writer", "lang", "text.id")


@pytest.fixture
def written(project):
    rows = [("a a", "pos", "1.0", "B;J", "en", "i"), ("b b", "neg", "1", "", "de", "j")]
    rows += [
        ("c c", "pos", "2", " J", "fr", "k"),
        ("d d", "neg", "2", "B", "en", ""),
        ("e e", "neg", "2", "B", "en", ""),
    ]
    write_csv(project.raw("reviews.csv"), rows, HEADER)
    write_csv(project.raw("test.csv"), [("f f", "pos", "1", "", "en", "i"), ("g g", "neg", "2", "J", "de", "")], HEADER)
    project.recipe(
        source={"train": "reviews.csv", "test": "test.csv"},
        keep={"equal": {"lang": ["en", "de"], "label": ["pos", "neg"]}, "top": {"who": 5}},
        annotate=[{"column": "writer", "split": ";"}, "text.id"],
    )
    project.run("ingest", "standardize")
    return project.root / "data/standardize"


def test_each_row_has_the_values_of_the_columns_that_the_recipe_names(written):
    names = [name for name in tables.column_names(written / "train.parquet") if name not in tables.ROWS.names]
    assert names == [f"attribute.{name}" for name in ("writer", "text.id", "lang", "label", "who")]
    rows = pd.concat(tables.read(written / f"{name}.parquet") for name in ("train", "test"))
    rows = rows.set_index("id").loc[[4, 0, 6, 1]]
    assert rows["attribute.who"].tolist() == ["2", "1", "2", "1"]
    assert rows["attribute.lang"].tolist() == ["en", "en", "de", "de"]
    assert rows["attribute.writer"].fillna("none").tolist() == ["B", "B", "J", "none"]
    assert rows["attribute.text.id"].fillna("none").tolist() == ["none", "i", "none", "j"]


def test_the_split_keeps_them(written):
    before = tables.read(written / "train.parquet")
    keep = np.arange(len(before)) % 2 == 0
    batches = kept_rows(written / "train.parquet", keep, np.zeros(len(before), dtype=int))
    after = pa.Table.from_batches(batches).to_pandas()
    assert after.drop(columns="label").equals(before[keep].drop(columns="label").reset_index(drop=True))


def test_other_recipes_add_no_columns(project):
    project.run("ingest", "standardize")
    folder = project.root / "data/standardize"
    assert tables.column_names(folder / "train.parquet") == tables.ROWS.names


def test_a_column_of_one_allowed_value_is_not_added(project):
    rows = [("a a", "pos", "en"), ("b b", "neg", "en"), ("c c", "neg", "de")]
    write_csv(project.raw("reviews.csv"), rows, ("text", "label", "lang"))
    project.recipe(keep={"equal": {"lang": "en"}})
    project.run("ingest", "standardize")
    assert tables.column_names(project.root / "data/standardize/train.parquet") == tables.ROWS.names
