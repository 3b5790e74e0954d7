"""A ready-made test file that lacks a label is evaluated on the labels it has, and the run says so."""

import json

import pytest

from tests.conftest import STAGES, Project, reviews, write_csv


@pytest.fixture(scope="module")
def run(tmp_path_factory, checkpoint):
    project = Project(tmp_path_factory.mktemp("missing") / "project", checkpoint)
    rows = [(text, label if i % 3 else "mid") for i, (text, label) in enumerate(reviews(180))]
    write_csv(project.raw("reviews.csv"), rows)
    write_csv(project.raw("test.csv"), reviews(60, seed=5))
    labels = {"negative": "neg", "middle": "mid", "positive": "pos"}
    project.recipe(source={"train": "reviews.csv", "test": "test.csv"}, labels=labels, positive=None)
    project.run(*STAGES[:3])
    return project


@pytest.mark.slow
def test_a_test_file_without_a_label_goes_through_every_stage(run):
    run.run(*STAGES[3:])
    metrics = json.loads((run.root / "metrics/evaluate.json").read_text())
    assert metrics


def test_what_a_test_file_lacks_is_said(run, capsys):
    run.run("standardize", "split")
    printed = capsys.readouterr().out
    assert "standardize: the test file has no row of middle; the other labels are evaluated on it" in printed
    assert "split: the test file has no row of middle; the model is evaluated on the labels that it has" in printed
