"""params.yaml and recipes: what is accepted, and the sentence for what is not."""

import subprocess
import sys
from typing import get_args

import pytest

from strata import scoring
from strata.base.errors import StrataError
from strata.settings.__main__ import main as settings_main
from strata.settings.json_schema import schemas
from strata.settings.params import MetricName
from strata.settings.reader import read_settings
from strata.settings.recipe import Step
from strata.text import cleaning
from tests.conftest import ROOT


def load(project):
    return read_settings(project.root / "params.yaml", project.root / "recipes")


def rewrite(project, old: str, new: str, name: str = "params.yaml") -> None:
    path = project.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("written", ["3e-5", "3e-05", "3.0e-5", "0.00003", "'3e-05'"])
def test_every_spelling_of_a_float_arrives_as_a_float(project, written):
    rewrite(project, "lr: 0.005", f"lr: {written}")
    assert load(project)[0].train.lr == 3e-5


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("train", {"lrr": 1}, r"params.yaml: unknown key train.lrr; did you mean train.lr\? Allowed: lr, schedule"),
        ("trian", {"lr": 1}, r"unknown key trian; did you mean train\?"),
        ("train", {"epochs": "two"}, r"train.epochs is 'two' \(str\): input should be a valid integer; Passes over"),
        ("train", {"epochs": 1.5}, r"train.epochs is 1.5 \(float\)"),
        ("train", {"epochs": True}, r"train.epochs is True \(bool\)"),
        ("train", {"lr": -1}, r"train.lr is -1 \(int\): input should be greater than 0; Peak learning rate"),
        ("train", {"lr": float("nan")}, r"train.lr is nan"),
        ("train", {"best_metric": "f3"}, r"train.best_metric is 'f3' \(str\): input should be 'accuracy', 'precision'"),
        ("train", {"teacher": []}, r"train.teacher: is an empty list; name a folder, or write null for none"),
        ("train", {"teacher": ["models/a", "./models/a/"]}, r"train.teacher: names models/a twice; name each folder"),
        (
            "train",
            {"teacher": ["models/a", ""]},
            r"train.teacher is '' \(str\): string should have at least 1 character",
        ),
        ("train", {"teacher": ""}, r"train.teacher is '' \(str\): string should have at least 1 character; Distillat"),
        ("train", {"teacher": 5}, r"train.teacher is 5 \(int\): input should be a valid list; Distillation: folder of"),
        ("split", {"test": 0.95}, r"split: validation \+ test is 1.05, must be below 1"),
        ("resample", {"strategy": "factors"}, r"strategy is factors and factors is \{\}"),
        ("recipe", "../etc", r"recipe is '../etc'"),
        ("recipe", "sampel", r"recipe is 'sampel', but .*sampel.yaml does not exist; did you mean sample\?"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(project, key, value, sentence):
    project.params(**{key: value})
    with pytest.raises(StrataError, match=sentence):
        load(project)


@pytest.mark.parametrize(
    ("written", "read"),
    [("null", []), ("", []), ("models/a", ["models/a"]), ("[models/a, models/b]", ["models/a", "models/b"])],
)
def test_a_teacher_is_none_one_folder_or_several(project, written, read):
    project.params(train={"teacher": "HERE"})
    rewrite(project, "teacher: HERE", f"teacher: {written}")
    assert load(project)[0].train.teacher == read


def test_a_missing_parameter_is_named_with_its_meaning(project):
    project.params(train={"warmup": None})
    rewrite(project, "  warmup:", "  # warmup:")
    with pytest.raises(StrataError, match=r"train.warmup is missing; Share of all optimizer steps"):
        load(project)


def test_broken_yaml_is_named_with_its_line(project):
    rewrite(project, "\nmodel:", "\nmodel: [42")
    with pytest.raises(StrataError, match=r"params.yaml, line \d+: not valid YAML"):
        load(project)


def test_a_key_given_twice_is_refused(project):
    rewrite(project, "\nmodel:", "\nseed: 43\nmodel:")
    with pytest.raises(StrataError, match=r"line \d+: not valid YAML: the key 'seed' is given twice"):
        load(project)


def test_yes_and_no_are_label_values_not_booleans(project):
    rewrite(project, "negative: neg", "negative: no", "recipes/sample.yaml")
    assert load(project)[1].labels["negative"] == "no"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"colums": {}}, r"sample.yaml: unknown key colums; did you mean columns\?"),
        ({"columns": {"txt": "a"}}, r"unknown key columns.txt; did you mean columns.text\?"),
        ({"positive": "good"}, r"positive is 'good', must be one of the two labels: negative, positive"),
        ({"labels": {"only": "*"}}, r"labels is .*at least 2"),
        ({"labels": {0: "bad", 1: "good"}}, r"sample.yaml: labels: the key 0: input should be a valid string"),
        ({"clean": ["htlm"]}, r"clean is 'htlm' \(str\): input should be 'html'"),
    ],
)
def test_a_wrong_recipe_is_named_with_what_is_allowed(project, change, sentence):
    project.recipe(**change)
    with pytest.raises(StrataError, match=sentence):
        load(project)


def test_factors_must_name_every_label_of_the_recipe(project):
    project.params(resample={"strategy": "factors", "factors": {"positiv": 2.0}})
    with pytest.raises(StrataError, match=r"label 'positiv', which is not in .*; did you mean positive\?"):
        load(project)
    project.params(resample={"factors": {"positive": 2.0}})
    with pytest.raises(StrataError, match=r"resample.factors lacks negative"):
        load(project)


def test_numbers_by_label_may_be_a_list_for_names_of_any_kind(project):
    names = ["R&D", "talk.politics", "lost card?", "NA", "a: b", "no"]
    project.recipe(labels={name: name for name in names}, positive=None)
    project.params(resample={"strategy": "factors", "factors": [f"{name}: {i}.5" for i, name in enumerate(names)]})
    project.params(train={"class_weights": [f"{name}:{i + 1}" for i, name in enumerate(names)]})
    settings, _ = load(project)
    assert settings.resample.factors == {name: i + 0.5 for i, name in enumerate(names)}
    assert settings.train.class_weights == {name: i + 1 for i, name in enumerate(names)}
    for factors, sentence in (
        (["R&D 2"], r"factors: 'R&D 2' is not 'LABEL: NUMBER'"),
        (["NA: 1", "NA: 2"], r"factors: the label 'NA' is given twice"),
        (["NA: high"], r"factors"),
    ):
        project.params(resample={"factors": factors})
        with pytest.raises(StrataError, match=sentence):
            load(project)


@pytest.mark.parametrize(("strategy", "numbers"), [("counts", [2, 3, 5, 2]), ("factors", [2, 3, 0.5, 2])])
def test_numbers_by_label_arrive_through_dvcs_set_param(project, strategy, numbers):
    """`dvc exp run -S` reads its values by Hydra's grammar, which takes & and ? in no key of a mapping."""
    from dvc.utils.cli_parse import to_path_overrides
    from dvc.utils.hydra import apply_overrides

    names = ["R&D", "lost card?", "NA", "talk.politics"]
    project.recipe(labels={name: name for name in names}, positive=None)
    given = [f"{name}: {number}" for name, number in zip(names, numbers, strict=True)]
    asked = [f"resample.strategy={strategy}", f"resample.{strategy}={given}"]
    asked.append("train.class_weights=" + str(given).replace("'", '"').replace(", ", ","))
    for overrides in to_path_overrides(asked).values():
        apply_overrides(project.root / "params.yaml", overrides)
    settings, _ = load(project)
    assert getattr(settings.resample, strategy) == settings.train.class_weights
    assert settings.train.class_weights == dict(zip(names, numbers, strict=True))


def test_the_committed_json_schemas_are_up_to_date():
    for name, text in schemas().items():
        committed = (ROOT / "strata/settings" / name).read_text(encoding="utf-8")
        assert committed == text, "run: python -m strata.settings --write"


def test_the_schema_names_the_scores_and_cleaning_steps_that_exist():
    assert get_args(MetricName) == scoring.NAMES
    assert get_args(Step) == tuple(cleaning.STEPS)


def test_the_shipped_params_and_recipes_pass(shipped, monkeypatch):
    monkeypatch.chdir(shipped)
    monkeypatch.setattr("sys.argv", ["settings"])
    settings_main()


def test_importing_the_schema_takes_no_scikit_learn_nor_torch():
    code = "import sys, strata.settings.reader; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"sklearn", "torch", "transformers", "ruamel"} & set(done.stdout.split())


def test_a_wrong_recipe_is_told_with_the_nearest_and_not_with_all(project):
    for i in range(60):
        (project.root / f"recipes/other_{i}.yaml").write_text("", encoding="utf-8")
    project.params(recipe="smaple")
    with pytest.raises(StrataError) as raised:
        read_settings(project.root / "params.yaml", project.root / "recipes")
    assert "did you mean sample? " in str(raised.value)
    assert "recipes holds 61 recipes, and strata recipe FILE writes another" in str(raised.value)
    project.params(recipe="poems")
    with pytest.raises(StrataError) as raised:
        read_settings(project.root / "params.yaml", project.root / "recipes")
    assert "did you mean" not in str(raised.value)
    assert "other_" not in str(raised.value)


def test_a_candidate_by_its_former_name_is_told_the_new_one(project):
    project.params(quantize={"candidates": ["per_channel", "keep_fp32"]})
    with pytest.raises(
        StrataError, match=r"params.yaml: quantize: candidates names keep_fp32, .*did you mean mostly_int8\? Allowed"
    ):
        read_settings(project.root / "params.yaml", project.root / "recipes")
