"""What no split may do: lose a row, tear copies or groups apart, miss a label."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.shared import tables
from stages.shared.command import StageError
from stages.split import assign, clusters, fold, split_rows
from tests.conftest import reviews, write_csv


def table(texts, labels, groups=None):
    return pd.DataFrame(
        {"id": range(len(texts)), "text": texts, "label": labels, "group": groups or [None] * len(texts)}
    )


def test_every_label_gets_its_exact_share():
    rows = table([f"text {i}" for i in range(1000)], [0] * 900 + [1] * 100)
    splits, _, _ = split_rows(rows, None, 0.1, 0.2, seed=42)
    counts = {name: part["label"].value_counts().to_dict() for name, part in splits.items()}
    assert counts == {"train": {0: 630, 1: 70}, "validation": {0: 90, 1: 10}, "test": {0: 180, 1: 20}}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), n=st.integers(1, 60), seed=st.integers(0, 5))
def test_no_row_is_lost_and_no_copy_or_group_is_torn_apart(data, n, seed):
    texts = data.draw(
        st.lists(st.sampled_from([f"text {i}" for i in range(30)] + ["TEXT 1!", " text  2"]), min_size=n, max_size=n)
    )
    groups = data.draw(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=n, max_size=n))
    labels = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    rows = table(texts, labels, groups)
    splits, _, left_out = split_rows(rows, None, 0.2, 0.2, seed)
    assert sorted(np.concatenate([part["id"] for part in splits.values()])) == list(range(n))
    assert left_out == 0
    where = pd.concat([part.assign(split=name) for name, part in splits.items()])
    assert (where.groupby(where["text"].map(fold))["split"].nunique() == 1).all()
    assert (where.dropna(subset="group").groupby("group")["split"].nunique() == 1).all()


def test_shares_hold_as_well_as_groups_allow():
    random = np.random.default_rng(0)
    groups = [f"g{g}" for g in range(100) for _ in range(random.integers(1, 30))]
    labels = [int(random.random() < 0.2) for _ in groups]
    rows = table([f"text {i}" for i in range(len(groups))], labels, groups)
    splits, _, _ = split_rows(rows, None, 0.15, 0.15, seed=0)
    for name, share in {"train": 0.7, "validation": 0.15, "test": 0.15}.items():
        assert len(splits[name]) / len(rows) == pytest.approx(share, abs=0.02)
        assert splits[name]["label"].mean() == pytest.approx(rows["label"].mean(), abs=0.02)


def test_copies_are_equal_up_to_case_spacing_and_punctuation():
    cluster = clusters(table(["A good film.", "a  good film", "A bad film", "!!!", "???"], [0] * 5))
    assert cluster[0] == cluster[1]
    assert len(set(cluster)) == 4


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("caf\u00e9", "cafe\u0301", True),
        ("\uff46\uff49\uff4c\uff4d", "film", True),
        ("_really_ good", "really good", True),
        ("don't", "dont", True),
        ("\u0915\u093f", "\u0915\u0940", False),  # two Hindi syllables that differ in their vowel
        ("good-bye film", "goodbye film", True),
        ("good film", "bad film", False),
    ],
)
def test_copies_are_told_in_every_script(one, other, same):
    assert (fold(one) == fold(other)) == same


def test_text_and_group_tie_rows_in_chains():
    cluster = clusters(table(["a", "a", "b", "c"], [0] * 4, [None, "g", "g", "h"]))
    assert len(set(cluster[:3])) == 1
    assert cluster[3] != cluster[0]


def test_the_seed_decides_the_split():
    cluster, label = np.arange(100), np.array([0, 1] * 50)
    first = assign(cluster, label, [0.5, 0.5], seed=1)
    assert (first == assign(cluster, label, [0.5, 0.5], seed=1)).all()
    assert (first != assign(cluster, label, [0.5, 0.5], seed=2)).any()


def test_a_ready_made_test_file_stays_the_test_split_and_its_copies_leave_training(project):
    rows = reviews(80)
    ready_made = [*reviews(20, seed=9), (rows[0][0].upper() + "!", rows[0][1])]
    write_csv(project.raw("reviews.csv"), rows)
    write_csv(project.raw("test.csv"), ready_made)
    project.recipe(source={"test": "test.csv"})
    project.run("ingest", "standardize", "split")
    splits = {
        name: tables.read(project.root / f"data/split/{name}.parquet") for name in ("train", "validation", "test")
    }
    assert splits["test"]["text"].tolist() == [text for text, _ in ready_made]
    counted = json.loads((project.root / "metrics/split.json").read_text())
    left_out = counted["rows_left_out_as_copies_of_test"]
    assert left_out >= 1
    assert sum(len(part) for part in splits.values()) == len(rows) + len(ready_made) - left_out
    folded = {name: set(part["text"].map(fold)) for name, part in splits.items()}
    assert not folded["test"] & (folded["train"] | folded["validation"])
    assert counted["validation"]["rows"] == pytest.approx(0.1 * (len(rows) - left_out), abs=1)


def test_a_test_file_that_copies_all_training_rows_is_refused(project):
    write_csv(project.raw("test.csv"), reviews(120))
    project.recipe(source={"test": "test.csv"})
    with pytest.raises(
        StageError, match=r"test.parquet: every training row copies one of its rows or shares its group"
    ):
        project.run("ingest", "standardize", "split")


def test_metrics_count_rows_by_split_and_label(project):
    project.run("ingest", "standardize", "split")
    counted = json.loads((project.root / "metrics/split.json").read_text())
    assert counted["train"] == {"rows": 84, "labels": {"negative": 42, "positive": 42}}
    assert counted["validation"] == {"rows": 12, "labels": {"negative": 6, "positive": 6}}
    assert counted["test"] == {"rows": 24, "labels": {"negative": 12, "positive": 12}}


def test_too_few_rows_to_stratify_are_named_with_what_to_do(project):
    write_csv(project.raw("reviews.csv"), [*[row for row in reviews(40) if row[1] == "pos"], ("one bad film", "neg")])
    with pytest.raises(
        StageError,
        match=r"no row of label negative \(rows: train 1, validation 0, test 0\); every split needs each label",
    ):
        project.run("ingest", "standardize", "split")
    assert not (project.root / "data/split").exists()


def test_missing_input_is_named_with_the_remedy(project):
    with pytest.raises(StageError, match=r"labels.json: no such file; run stages.standardize, or dvc repro"):
        project.run("split")


def test_copies_are_found_whatever_is_annotated():
    rows = pd.DataFrame({"text": ["Yes. <director=A>", "yes <director=B> <writer=C>", "No."], "group": None})
    found = clusters(rows, ["<director=A>", "<director=B>", "<writer=C>"])
    assert found[0] == found[1] != found[2]
