"""README and guides say what the repository holds: everything is read as committed, not as the workspace has it."""

import importlib.util
import itertools
import json
import re
import subprocess
import sys
from pathlib import PurePosixPath

import pytest
import yaml

from strata.score_table import parse
from tests.conftest import ROOT

spec = importlib.util.spec_from_file_location("figures", ROOT / "docs/figures.py")
figures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(figures)


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


TEXTS = figures.in_revision("HEAD")
FILES = set(git("ls-tree", "-r", "--name-only", "HEAD").splitlines())
FOLDERS = {parent.as_posix() for path in FILES for parent in PurePosixPath(path).parents}
PAGES = {path: text for path, text in TEXTS.items() if path.endswith(".md")} | {
    path: git("show", f"HEAD:{path}") for path in ("CONTRIBUTING.md", "CHANGELOG.md")
}
README, PIPELINE = PAGES["README.md"], PAGES["docs/pipeline.md"]
STAGES = yaml.safe_load(TEXTS["dvc.yaml"])["stages"]
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def metrics(stage: str) -> dict:
    return json.loads(TEXTS[f"metrics/{stage}.json"])


def scores(stage: str) -> dict:
    return parse(TEXTS[f"plots/{stage}/scores.csv"])


def benchmark(name: str) -> dict:
    return json.loads(TEXTS[f"benchmarks/{name}/results.json"])


def code(text: str) -> list[str]:
    """Return what a page shows as code: fenced blocks, lines indented by four, and `spans`."""
    prose = FENCED.sub("", text)
    return FENCED.findall(text) + re.findall(r"^ {4}\S.*$", prose, re.MULTILINE) + re.findall(r"`([^`\n]+)`", prose)


def named(pattern: str) -> set[str]:
    """Return what a pattern finds in the code of any page."""
    return {name for text in PAGES.values() for part in code(text) for name in re.findall(pattern, part)}


def headings(text: str) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    titles = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_no_figure_is_stale():
    check = [sys.executable, "docs/figures.py", "--check", "--revision", "HEAD"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "figures: up to date\n"), done.stdout + done.stderr


def test_a_stale_figure_is_named_with_its_line_and_renewed():
    env = figures.environment(TEXTS)
    page = "Title\n\nIt has <!--= metrics.split.all.rows | number -->7<!--/--> rows.\n"
    text, problems = figures.renew("page.md", page, env)
    assert problems == ["page.md:3: stale: metrics.split.all.rows | number"]
    assert f">{metrics('split')['all']['rows']:,}<" in text
    assert figures.renew("page.md", text, env) == (text, [])


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("<!--= 1 -->1<!--/--> is at the start", "page.md:1: put a word before the figure"),
        ("One <!--= 1 -->1 has no end", "page.md: a figure lacks its end <!--/-->, or its start"),
        ("| a | <!--= 1 | abs -->1<!--/--> |", "page.md:1: put the figure's filters into a macro"),
    ],
)
def test_a_misplaced_figure_is_named(page, problem):
    assert figures.renew("page.md", page, figures.environment(TEXTS))[1] == [problem]


def test_a_figure_that_no_file_has_is_an_error():
    with pytest.raises(figures.jinja2.UndefinedError, match="acuracy"):
        figures.renew("page.md", "It is <!--= metrics.evaluate.acuracy -->1<!--/-->.", figures.environment(TEXTS))


def made(stage: str) -> list[str]:
    """The paths that a stage lists under outs, then under metrics."""
    listed = [entry for kind in ("outs", "metrics") for entry in STAGES[stage].get(kind, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in listed]


def test_the_table_of_stages_is_that_of_dvc_yaml():
    rows = [row for row in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", PIPELINE, re.MULTILINE) if row[0] in STAGES]
    written = {stage: [path for path in made(stage) if not path.startswith("plots/")] for stage in STAGES}
    assert rows == [
        (stage, STAGES[stage]["desc"], ", ".join(f"`{path}`" for path in written[stage])) for stage in STAGES
    ]


def test_the_picture_of_the_dag_has_the_edges_of_dvc_yaml():
    maker = {path: stage for stage in STAGES for path in made(stage) if not path.startswith(("metrics/", "plots/"))}
    edges = {
        (maker[folder], stage)
        for stage in STAGES
        for path in STAGES[stage]["deps"]
        for folder in maker
        # small files such as labels.json, which later stages read, would hide the flow of the rows
        if (path == folder or path.startswith(f"{folder}/")) and not path.endswith(".json")
    }
    drawn = re.findall(r"^  (\w+) --> (\w+)$", re.search(r"```mermaid\n(.*?)```", PIPELINE, re.DOTALL)[1], re.MULTILINE)
    # report reads the metrics of every stage; the last one's edge stands for all
    assert set(drawn) == edges | {("quantize", "report")}
    assert len(drawn) == len(set(drawn))


def test_the_readme_is_short():
    assert len(README.split()) <= 900


def test_every_guide_opens_with_its_task_and_is_linked_from_the_readme():
    guides = {path for path in PAGES if path.startswith("docs/")} - {"docs/lab-notes.md"}
    assert len(guides) == 9
    for guide in guides:
        assert re.match(r"# .+\n\n\*Use this guide to .+\*\n", PAGES[guide]), guide
        assert f"]({guide})" in README


def test_every_relative_link_leads_somewhere():
    broken = []
    for page, text in PAGES.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", text)):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            parts = []
            for part in (PurePosixPath(page).parent / path).parts if path else PurePosixPath(page).parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            found = "/".join(parts)
            if found not in FILES | FOLDERS or (anchor and anchor not in headings(PAGES[found])):
                broken.append(f"{page}: {target}")
    assert not broken, "\n".join(broken)


def test_every_command_that_pages_name_exists():
    there = {path.split("/")[2].removesuffix(".py") for path in FILES if path.startswith("strata/commands/")}
    commands = named(r"\bstrata ([a-z]+)") - {"import"}
    assert commands >= {"recipe", "audit", "compare", "predict", "check", "publish", "verify"}
    assert commands <= there


def test_every_target_of_make_that_pages_name_exists():
    targets = set(re.findall(r"^([a-z]+):", git("show", "HEAD:Makefile"), re.MULTILINE))
    named_targets = named(r"\bmake ([a-z]+)")
    assert named_targets >= {"install", "repro", "test", "lint", "docs", "constraints", "bench", "office", "recipes"}
    assert named_targets <= targets


def test_every_module_that_pages_run_exists():
    missing = [
        module
        for module in named(r"python -m ((?:benchmarks|stages|strata)\.[a-z_.]+)")
        if not {f"{module.replace('.', '/')}{end}" for end in (".py", "/__main__.py")} & FILES
    ]
    assert not missing


def test_every_path_that_contributing_names_exists():
    paths = re.findall(r"`((?:stages|strata|recipes|tests|benchmarks|docs)/[a-z_./0-9]*)`", PAGES["CONTRIBUTING.md"])
    assert len(paths) > 20
    assert not [path for path in paths if path.rstrip("/") not in FILES | FOLDERS]


def test_every_benchmark_is_in_the_guide():
    names = {path.split("/")[1] for path in TEXTS if path.startswith("benchmarks/")}
    assert names == set(re.findall(r"^\| `python -m benchmarks\.(\w+)`", PAGES["docs/benchmarks.md"], re.MULTILINE))


def test_the_readmes_commands_are_those_that_the_benchmark_ran():
    block = re.search(r"```console\n(.*?)```", README, re.DOTALL)[1].splitlines()
    said = benchmark("first_run")["said"]
    shown = [line for line in block if not line.startswith("$ ") and line != "..."]
    printed = list(itertools.chain(*said.values()))
    assert shown == [line for line in printed if line in shown]
    assert said["recipe"][-1].startswith("next: dvc exp run -S recipe=reviews")
    assert [set(json.loads(line)) for line in said["predict"]] == [{"label", "probability"}]
    assert re.search(r"^evaluate: test [\d,]+ rows, accuracy 0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)", README, re.MULTILINE)


def test_the_table_of_formats_is_that_of_the_schema():
    source = json.loads(TEXTS["strata/settings/recipe.schema.json"])["$defs"]["Source"]["properties"]["train"]
    rows = re.search(r"^\| format \| suffix \|\n(.*?)\n\n", PAGES["docs/data.md"], re.MULTILINE | re.DOTALL)[1]
    packed = re.search(r"^Each may be compressed.*$", PAGES["docs/data.md"], re.MULTILINE)[0]
    assert set(re.findall(r"`(\.\w+)`", rows + packed)) == set(re.findall(r"(?<!\w)\.[a-z]+", source["description"]))


def test_every_recipe_but_the_users_own_download_has_a_recorded_run():
    shipped = {PurePosixPath(path).stem for path in FILES if re.fullmatch(r"recipes/\w+\.yaml", path)} - {"template"}
    assert shipped - set(benchmark("recipes")) == {"imdb_spoilers"}


def test_the_default_recipe_scores_alike_in_both_tables():
    recorded, evaluated = benchmark("recipes")["rotten_tomatoes"]["fine_tuned"], scores("evaluate")["fp32", "test"]
    ends = recorded.pop("interval")["accuracy"]
    assert recorded == {name: evaluated[name] for name in recorded}
    assert ends == evaluated["interval"]["accuracy"]
    small = benchmark("recipes")["rotten_tomatoes"]["int8"]
    assert small["accuracy"] == scores("quantize")["int8", "test"]["accuracy"]


def test_the_tainted_arms_are_those_of_two_recipes():
    assert set(benchmark("tainted")) == {"office", "rotten_tomatoes"}


def test_calibration_takes_two_thirds_of_the_error_away():
    calibration = benchmark("calibration")["calibration"]
    assert calibration["after"]["ece"] <= calibration["before"]["ece"] / 3


def test_simulated_searches_keep_the_best_in_the_set_and_fall_as_far_as_expected():
    results = benchmark("search_honesty")
    error = (0.95 * 0.05 / results["searches"]) ** 0.5
    for name, scenario in results["scenarios"].items():
        assert scenario["best_in_set"] >= 0.95 - 2 * error, name
        if (scenario["ahead"], scenario["rows"]) != (0.03, 500):  # which the guide names as the exception
            fall = scenario["realized_shrinkage"] - scenario["luck_of_all"]
            assert scenario["expected_shrinkage"] == pytest.approx(fall, rel=0.15, abs=0.0005), name
            assert scenario["within_errors"] >= 0.95 - 3 * error, name


def test_inference_is_measured_on_every_test_row_five_times():
    result = benchmark("inference")
    assert (result["texts"], result["cores"], result["repeats"]) == (metrics("evaluate")["rows"], 2, 5)


def test_the_gate_refuses_a_sabotaged_model_by_its_label_and_takes_a_good_one_at_once():
    results = benchmark("gate")
    assert "loss of recall of label " in results["layer"]["said"][0]
    assert list(results["good"]["tried"]) == ["per_channel"]


def test_the_makefile_has_the_targets_that_people_type():
    makefile = git("show", "HEAD:Makefile")
    missing = [name for name in ("repro", "test", "install", "lint", "help") if f"\n{name}:" not in makefile]
    assert not missing
