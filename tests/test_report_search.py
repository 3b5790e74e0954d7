"""The report's section on the search that found the settings of the run."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from stages.report.render import visible
from strata.base.errors import StrataError
from strata.settings.sweep import SECTIONS, Runs
from strata.settings.yaml_loader import read_yaml
from strata.sweeping import results
from strata.sweeping.answer import Answer, Setting
from strata.sweeping.study import Ending
from tests.conftest import DVC, ROOT, SHRUNK, Project
from tests.test_report import HOSTILE, Page, check_markdown, check_page, markdown, outputs
from tests.test_repro import run

RATES = [SHRUNK["train"]["lr"], 1e-3, 2e-2, 3e-5, 4e-4]
USED = {"train.lr": SHRUNK["train"]["lr"], "train.batch_size": 16, "train.class_weights": "none"}
SECTION = "\n## Search\n"


def setting(number: int, overrides: dict, score: float | None, state: str = "COMPLETE") -> Setting:
    ending = Ending(state, score, None, 0, 1e9 * (number + 1), [])
    return Setting(number, f"small-{number:03d}", overrides, ending)


def search(
    project: Project,
    name: str = "small",
    metric: str = "accuracy",
    overrides: dict = USED,
    recipe: str = "sample",
    place: int = 0,
    **more,
) -> None:
    """Write the results of a search of five trials, of which the first two cannot be distinguished.

    place: of the trial with USED.
    """
    falls = metric == "loss"
    scores = [0.1, 0.12, 0.2, 0.4] if falls else [0.9, 0.88, 0.8, 0.6]
    others = [overrides | {"train.lr": rate} for rate in RATES[1:]]
    settings = others[:3]
    settings.insert(place, overrides)
    tried = [setting(i, *one) for i, one in enumerate(zip(settings, scores, strict=True))]
    failed = setting(4, others[3], None, "PRUNED")
    answer = Answer([*tried, failed], tried, tried[0], tried[:2], tried[0], 90, 0.02, 0.03, {"train.lr": 0.75})
    direction = "minimize" if falls else "maximize"
    sweep = Runs(runs={"one": {}}, metric=metric, direction=direction)
    results.write(project.root / "plots/sweep" / name, answer._replace(**more), sweep, recipe)


def section(text: str) -> str:
    return text.split(SECTION)[1].split("\n## ", maxsplit=1)[0]


def interval(project: Project, low: float, high: float, metric: str = "accuracy") -> None:
    """Set the interval of a test score of the model as training left it."""
    path = project.root / "plots/evaluate/scores.csv"
    table = pd.read_csv(path)
    of_metric = (table["model"] == "uncalibrated") & (table["metric"] == metric)
    table.loc[of_metric, ["value", "low", "high"]] = [(low + high) / 2, low, high]
    table.to_csv(path, index=False)


def test_a_search_whose_settings_are_this_runs_is_told_with_what_it_promised_and_what_was_found(copy_of_trained):
    search(copy_of_trained, place=1)
    interval(copy_of_trained, 0.7654, 0.9)
    made = outputs(copy_of_trained)
    text = section(made["report.md"])
    assert "It tried 5 settings (4 complete, 1 stopped early) and compared 4 of them by Accuracy on 90 val" in text
    assert "The best, small-000, scored 0.900." in text
    assert "cannot distinguish 1 of the others from it; this run uses those of small-001" in text
    assert "worse by 0.020 (standard error 0.030)" in text
    assert "| on the texts of the search | 0.880 |" in text
    assert "promised on new texts" not in text
    assert "promises 0.880 for the best, small-000, and nothing for the settings of this run" in text
    assert "| found on test texts | 0.833 *0.765 to 0.900* |" in text
    assert "The promise lies" not in text
    assert "| small-000 | 0.900 | 100.0% | 0.001 | 16 | none |" in text
    assert "| small-001 *this run* | 0.880 | 200.0% | 0.005 | 16 | none |" in text
    assert "| small-002" not in text
    assert "| importance | | | 75.0% | - | - |" in text
    check_page(Page(made["report.html"]))
    check_markdown(made["report.md"])
    drawn = {f"plots/report/search-1-{name}.svg" for name in ("history", "slices", "parallel")}
    assert drawn <= set(made)
    assert drawn <= set(markdown(made["report.md"]).pictures)
    svgs = re.findall(r"<svg.*?</svg>", made["report.html"], re.DOTALL)
    assert not any(re.search(r"#[0-9a-f]{6}\b", svg) for svg in svgs)


@pytest.mark.parametrize(
    ("metric", "low", "high", "said"),
    [
        ("accuracy", 0.5, 0.6, "outside the 95% interval of what was found: the test texts are worse than"),
        ("accuracy", 0.95, 0.99, "outside the 95% interval of what was found: the test texts are better than"),
        ("loss", 0.3, 0.4, "outside the 95% interval of what was found: the test texts are worse than"),
        ("loss", 0.05, 0.06, "outside the 95% interval of what was found: the test texts are better than"),
        ("loss", 0.11, 0.3, "within the 95% interval"),
    ],
)
def test_it_says_whether_the_promise_was_kept(copy_of_trained, metric, low, high, said):
    search(copy_of_trained, metric=metric)
    interval(copy_of_trained, low, high, "log_loss" if metric == "loss" else metric)
    text = section(outputs(copy_of_trained)["report.md"])
    assert said in text
    assert "this run uses those of" not in text
    assert f"| promised on new texts | {0.12 if metric == 'loss' else 0.88:.3f} |" in text


@pytest.mark.parametrize(
    "other",
    [
        {"recipe": "another"},
        {"overrides": USED | {"train.lr": 0.0051}},
        {"overrides": {}},
        {"overrides": USED | {"train.gone": 1}},
        {"overrides": USED | {"train.batch_size": "many"}},
        {"overrides": USED | {"recipe": "another"}},
    ],
)
def test_a_search_with_other_settings_or_data_changes_no_byte(copy_of_trained, other):
    before = {path: path.read_bytes() for path in copy_of_trained.root.glob("*.*")}
    assert SECTION not in (copy_of_trained.root / "report.md").read_text()
    search(copy_of_trained, **other)
    outputs(copy_of_trained)
    assert before == {path: path.read_bytes() for path in before}


def test_settings_are_compared_to_the_digits_that_are_recorded(copy_of_trained):
    copy_of_trained.params(train={"lr": 0.00123456789})
    search(copy_of_trained, overrides=USED | {"train.lr": 0.00123456789})
    assert SECTION in outputs(copy_of_trained)["report.md"]


def test_two_searches_are_told_one_after_the_other(copy_of_trained):
    search(copy_of_trained, "first")
    search(copy_of_trained, "second", metric="loss")
    made = outputs(copy_of_trained)
    check_page(Page(made["report.html"]))
    text = section(made["report.md"])
    assert text.index("the search first.") < text.index("the search second.")
    assert {f"plots/report/search-{i}-parallel.svg" for i in (1, 2)} <= set(made)


def test_what_cannot_be_said_is_said(copy_of_trained):
    search(copy_of_trained, shrinkage=np.nan, importances={})
    text = section(outputs(copy_of_trained)["report.md"])
    assert "These texts cannot show how much of this score is luck." in text
    assert "| promised on new texts | - |" in text
    assert "mportance" not in text
    assert "95% interval of what was found" not in text


def test_names_and_values_from_a_search_are_shown_and_do_nothing(copy_of_trained):
    search(copy_of_trained)
    folder = copy_of_trained.root / "plots/sweep/small"
    content = json.loads((folder / "answer.json").read_text())
    content["tied"][1]["settings"] = dict.fromkeys(HOSTILE, HOSTILE)
    content["best"]["trial"] = content["tied"][0]["trial"] = HOSTILE[0]
    content["importances"] = dict.fromkeys(HOSTILE, 0.5)
    content["trials"] = dict.fromkeys(HOSTILE, 2)
    (folder / "answer.json").write_text(json.dumps(content))
    points = pd.read_csv(folder / "parallel.csv")
    nominal = points[points["scale"] == "nominal"]
    more = [nominal.assign(key=hostile, value=hostile) for hostile in HOSTILE]
    pd.concat([points, *more]).to_csv(folder / "parallel.csv", index=False)
    folder.rename(folder.with_name(HOSTILE[1]))
    made = outputs(copy_of_trained)
    check_page(Page(made["report.html"]))
    check_markdown(made["report.md"])
    assert all(visible(text) in markdown(made["report.md"]).words for text in HOSTILE)
    assert all(char.isprintable() or char == "\n" for char in "".join(made.values()))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("answer.json", lambda text: text[:400], r"EOF while parsing"),
        ("answer.json", lambda text: "", r"EOF while parsing"),
        ("answer.json", lambda text: text.replace('"score": 0.88', '"score": "high"'), r"tied.* is 'high' \(str\)"),
        ("answer.json", lambda text: text.replace('"accuracy"', '"luck"'), r"metric is 'luck'"),
        ("answer.json", lambda text: text.replace('"rows"', '"row"'), r"unknown key row; did you mean rows\?"),
        ("answer.json", lambda text: text.replace('"maximize"', '"minimize"'), "direction is minimize, must be"),
        ("history.csv", lambda text: "", "No columns"),
        ("history.csv", lambda text: text.splitlines()[0], "no rows"),
        ("history.csv", lambda text: text.replace("best", "worst"), "best"),
        ("parallel.csv", lambda text: text.replace("0.9,", "high,"), "high"),
    ],
)
def test_a_broken_result_is_told_in_a_line_with_its_file(copy_of_trained, name, change, said):
    search(copy_of_trained)
    path = copy_of_trained.root / "plots/sweep/small" / name
    whole = path.read_text()
    path.write_text(change(whole))
    assert path.read_text() != whole
    sentence = rf"^plots/sweep/small/{name}: .*{said}.*; write it again: strata sweep small --report"
    with pytest.raises(StrataError, match=sentence) as error:
        copy_of_trained.run("report")
    assert "\n" not in str(error.value)
    path.unlink()
    if name != "answer.json":
        with pytest.raises(StrataError, match=rf"^plots/sweep/small/{name}: .*No such file"):
            copy_of_trained.run("report")


def test_the_report_depends_on_every_section_that_a_search_may_vary():
    assert set(SECTIONS) <= {entry for entry in DVC["stages"]["report"]["params"] if isinstance(entry, str)}


def test_the_templates_of_dvc_name_only_columns_that_the_figures_have(copy_of_trained):
    search(copy_of_trained)
    folder = copy_of_trained.root / "plots/sweep/small"
    plots = read_yaml(folder / "dvc.yaml")["plots"]
    assert {path.name for path in folder.glob("*.csv")} == {"trials.csv", *(name for plot in plots for name in plot)}
    for plot in plots:
        for name, options in plot.items():
            columns = {"rev", *pd.read_csv(folder / name).columns}
            template = (ROOT / f".dvc/plots/{options['template']}.json").read_text(encoding="utf-8")
            made = set(re.findall(r'"as": "(\w+)"', template))
            used = set(re.findall(r'"field": "(\w+)"', template)) | set(re.findall(r"datum\.(\w+)", template))
            assert used - made - {"value"} <= columns
            assert {options["x"], options["y"]} <= columns


@pytest.mark.slow
def test_dvc_draws_several_sweeps_that_git_does_not_know_yet(copy_of_trained, tmp_path):
    folder = tmp_path / "drawn"
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
    for name in ("first", "second"):
        search(copy_of_trained, name)
    shutil.copytree(copy_of_trained.root / "plots/sweep", folder / "plots/sweep")
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
    run(folder, "git", "init")
    run(folder, "dvc", "plots", "show")
    page = (folder / "dvc_plots/index.html").read_text(encoding="utf-8")
    for name in ("first", "second"):
        for figure in ("history", "slices", "parallel"):
            assert f'id = "plots_sweep_{name}_{figure}_csv"' in page
        assert f'"title": {{"text": "{name}: score of each trial"' in page


@pytest.mark.parametrize(
    ("values", "scale", "places"),
    [
        ([1e-5, 1e-4, 1e-3], "log", [0, 0.5, 1]),
        ([1, 2, 5], "linear", [0, 0.25, 1]),
        ([0.0, 0.1, 10.0], "linear", [0, 0.01, 1]),
        ([None, 0.1, 0.5], "nominal", [1, 0, 0.5]),
        ([True, False, True], "nominal", [1, 0, 1]),
        ([[1, 2], "a", {"b": 1}], "nominal", [0, 0.5, 1]),
        ([3, 3, 3], "linear", [0.5, 0.5, 0.5]),
    ],
)
def test_every_kind_of_value_has_a_place_on_the_axis_of_its_key(values, scale, places):
    settings = [setting(i, {"train.key": value}, 0.5) for i, value in enumerate(values)]
    answer = Answer(settings, settings, settings[0], settings, settings[0], 90, 0.02, 0.03, {})
    points = results.places(results.slices(answer))
    assert set(points["scale"]) == {scale}
    assert list(points["place"]) == pytest.approx(places)
