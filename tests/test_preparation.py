"""A model folder prepares texts as the pipeline did: columns joined, cleaned, annotated."""

import shutil

import numpy as np
import pytest

from strata import Predictor, StrataError
from strata.base.files import write_json
from strata.runtime import manifest
from strata.runtime.preparation import NAME, Preparation, read_preparation, write_preparation
from tests.test_predict import folder  # noqa: F401, a fixture

BOTH = Preparation(["title", "body"], ["html", "whitespace"], [("director", None), ("writer", ";")])


@pytest.fixture
def prepares(folder, tmp_path):  # noqa: F811
    """Returns the predictor of a copied folder, with a preparation in it."""

    def predictor(preparation: Preparation) -> Predictor:
        copy = tmp_path / "model"
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        write_preparation(copy, preparation)
        manifest.write(copy, manifest.check(folder)["onnxruntime"])
        return Predictor(copy)

    return predictor


def test_a_preparation_is_read_as_it_was_written(tmp_path):
    write_preparation(tmp_path, BOTH)
    assert read_preparation(tmp_path) == BOTH
    assert read_preparation(tmp_path / "none") == Preparation()


def test_rows_are_joined_cleaned_and_annotated_with_known_tokens():
    columns = {"title": [" A <b>film</b>", None], "body": ["fine  ", "dull"], "director": ["K", "L"]}
    columns["writer"] = ["A;B", float("nan")]
    known = {"<director=K>", "<writer=A>"}
    assert BOTH.annotated(BOTH.plain(columns), columns, known) == ["A film fine <director=K> <writer=A>", "dull"]
    assert BOTH.columns == ["title", "body", "director", "writer"]


def test_texts_are_cleaned_and_rows_joined_before_they_are_scored(prepares):
    predictor = prepares(BOTH._replace(annotate=[]))
    plain = prepares(Preparation())
    expected = plain.probabilities(["a good film"])
    assert np.array_equal(predictor.probabilities(["<p>a  good</p> film"]), expected)
    assert np.array_equal(predictor.probabilities([{"title": "a good", "body": "film ", "other": 1}]), expected)
    assert predictor.prepared([{"title": 7, "body": True}]) == ["7 true"]


def test_a_row_without_a_column_of_texts_is_named(prepares):
    with pytest.raises(StrataError, match=r"row 2 has no 'body'; did you mean boddy"):
        prepares(BOTH)([{"title": "a", "body": "b"}, {"title": "a", "boddy": "b"}])


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"text": ["a"], "clean": ["magic"], "annotate": []},
        {"text": [], "clean": [], "annotate": []},
        {"text": 3, "clean": [], "annotate": []},
        {"text": ["a"], "clean": [], "annotate": ["writer"]},
    ],
)
def test_a_broken_preparation_is_refused(tmp_path, content):
    write_json(tmp_path / NAME, content)
    with pytest.raises(StrataError, match="take the folder from one run"):
        read_preparation(tmp_path)
