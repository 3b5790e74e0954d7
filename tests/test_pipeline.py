"""What holds for dvc.yaml: commands, descriptions, and dependencies that match what the code imports and reads."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DVC, ROOT, STAGES, committed

SETTINGS = ROOT / "strata/settings"
NO_OUTPUT = {"snapshots", "watch"}  # a folder and sections of params.yaml that decide no byte of any output


def entries(stage: str, kind: str) -> list[str]:
    """The paths that a stage lists under deps, outs, metrics or plots."""
    listed = DVC["stages"][stage].get(kind, [])
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in listed]


def recipe_keys(stage: str) -> list[str]:
    """The keys of the recipe that a stage lists under params, by their first names."""
    listed = [entry for entry in DVC["stages"][stage].get("params", []) if isinstance(entry, dict)]
    return [key.split(".")[0] for entry in listed for keys in entry.values() for key in keys]


def reads_the_whole_recipe(stage: str) -> bool:
    """Whether a stage depends on the file alone, as one has to that reads a key which may be absent from it."""
    return "recipes/${recipe}.yaml" in entries(stage, "deps") and not recipe_keys(stage)


def keys_that_are_read(stage: str) -> set[str]:
    """The keys of the recipe that a stage's modules name."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in module_files(stage)]
    derived = {"text_columns": "columns", "annotated_columns": "annotate"}
    return {
        derived.get(node.attr, node.attr)
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and "recipe" in (getattr(node.value, "id", ""), getattr(node.value, "attr", ""))
    }


def module_files(stage: str) -> list[Path]:
    package = ROOT / "stages" / stage
    return sorted(package.glob("*.py")) if package.is_dir() else [package.with_suffix(".py")]


def code(stage: str) -> list[str]:
    """The modules and rooms that a stage lists under deps."""
    return [path for path in entries(stage, "deps") if path.startswith(("stages/", "strata/"))]


def room(path: str) -> str:
    """What dvc.yaml lists for a module: its room in strata, or its stage, where it has one, else itself."""
    parts = Path(path).parts
    return "/".join(parts[:2]) if len(parts) > 2 else path


def imported(path: Path) -> set[Path]:
    """Our modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            file = ROOT / Path(*name.split(".")).with_suffix(".py")
            if name.startswith(("stages", "strata")) and file.is_file():
                found.add(file)
    return found


def reachable(stage: str) -> set[str]:
    """Every module of ours that a stage imports, directly or not, as paths from the root.

    Not what strata/settings imports, which can refuse input but not change an output: see the head of dvc.yaml.
    """
    queue, seen = module_files(stage), set()
    while queue:
        path = queue.pop()
        if path not in seen and SETTINGS not in path.parents:
            seen.add(path)
            queue += imported(path)
    return {path.relative_to(ROOT).as_posix() for path in seen}


def paths_from(tree: ast.AST, name: str) -> set[str]:
    """The dotted paths that start at a name: of `name.a.b` it is a.b, and not a."""
    longest = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    found = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and id(n) not in longest]
    return {path.removeprefix(f"{name}.") for path in found if path.startswith(f"{name}.")}


def test_the_stages_are_those_of_the_design_in_order():
    assert STAGES == [
        "ingest",
        "standardize",
        "split",
        "resample",
        "tokenize",
        "adapt",
        "baseline",
        "train",
        "evaluate",
        "quantize",
        "report",
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_rooms_that_it_imports_and_no_other(stage):
    assert set(code(stage)) == {room(path) for path in reachable(stage)}


def test_what_is_only_told_or_drawn_retrains_nothing():
    for path in ("strata/decision.py", "strata/curves.py", "stages/report", "strata/intervals", "strata/duplicates"):
        assert path not in code("train") + code("adapt") + code("tokenize")


def floor(path: Path) -> tuple[int, str]:
    """How high a module stands (0: the ground, 1: rooms of strata, 2: stages and commands), and in which room."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "stages" or parts[:2] == ("strata", "commands"):
        return 2, "/".join(parts[:2])
    return (1, "/".join(parts[:2])) if len(parts) > 2 and parts[1] != "base" else (0, "ground")


OURS = sorted([*(ROOT / "strata").rglob("*.py"), *(ROOT / "stages").rglob("*.py")])
EXPORTS = [ROOT / "strata/__init__.py", ROOT / "strata/__main__.py"]  # the names of the whole package


def test_nothing_imports_upward_and_no_stage_or_command_another():
    wrong = []
    for path in [path for path in OURS if path not in EXPORTS]:
        height, place = floor(path)
        for other in imported(path):
            its_height, its_place = floor(other)
            beside = height == its_height == 2 and place != its_place
            if its_height > height or beside:
                wrong.append(f"{path.relative_to(ROOT)} imports {other.relative_to(ROOT)}")
    assert not wrong


def test_no_python_stands_at_the_root_or_among_the_recipes():
    assert not [*ROOT.glob("*.py"), *(ROOT / "recipes").rglob("*.py")]


def test_the_runtime_imports_nothing_heavy():
    code = "import sys; from strata import Predictor; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"torch", "transformers", "pandas", "scipy", "sklearn", "pyarrow", "datasets", "pydantic", "dvc"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize("stage", STAGES)
def test_a_command_is_a_module_with_every_path_on_its_line_declared(stage):
    python, flag, module, *argv = shlex.split(DVC["stages"][stage]["cmd"])
    assert (python, flag, module) == ("python", "-m", f"stages.{stage}")
    declared = [path for kind in ("deps", "outs", "metrics", "plots") for path in entries(stage, kind)]
    data = {path for path in declared if not path.startswith(("stages/", "strata/"))}
    named = {word for word in argv if not word.startswith("--")}
    assert argv[:4] == ["--params", "params.yaml", "--recipes", "recipes"]
    assert all(path in named or named & {str(parent) for parent in Path(path).parents} for path in data)
    words = [word for word in argv[5::2] if word not in NO_OUTPUT]
    assert all(word in data or any(path.startswith(f"{word}/") for path in data) for word in words)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_described_and_measured(stage):
    assert 20 < len(DVC["stages"][stage]["desc"]) < 120
    assert entries(stage, "metrics") == ([] if stage == "report" else [f"metrics/{stage}.json"])
    assert all(path.startswith(f"plots/{stage}/") for path in entries(stage, "plots"))
    for kind in ("metrics", "plots"):  # in git, so that a clone shows the recorded run
        assert all(entry[path]["cache"] is False for entry in DVC["stages"][stage].get(kind, []) for path in entry)
    # DVC does not restore a stage from its run cache that has another output without cache
    assert all(isinstance(entry, str) for entry in DVC["stages"][stage].get("outs", []))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_the_sections_that_its_main_reads_and_no_other(stage):
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in module_files(stage)]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    whole = [{ast.unparse(arg.annotation) for arg in node.args.args if arg.annotation} for node in functions]
    mains = [f for f, kinds in zip(functions, whole, strict=True) if f.name == "main" or "Params" in kinds]
    read = {path for main in mains for path in paths_from(main, "settings")}
    declared = {entry for entry in DVC["stages"][stage].get("params", []) if isinstance(entry, str)}
    needed = {path for path in read if path.split(".")[0] not in NO_OUTPUT}
    covered = {path: {entry for entry in declared if f"{path}.".startswith(f"{entry}.")} for path in needed}
    assert all(covered.values()), covered
    assert set().union(*covered.values()) == declared
    assert set(recipe_keys(stage)) == (set() if reads_the_whole_recipe(stage) else keys_that_are_read(stage))


def test_every_key_of_a_recipe_is_read_by_a_stage():
    from strata.settings.recipe import Recipe

    declared = {key for stage in STAGES for key in recipe_keys(stage)}
    declared |= {key for stage in STAGES if reads_the_whole_recipe(stage) for key in keys_that_are_read(stage)}
    assert declared == set(Recipe.model_fields)


def test_the_metrics_that_people_compare_are_few_and_stand_first():
    """So that `dvc metrics diff`, and a sweep's table with its setting, fit 100 columns; see docs/sweeps.md."""
    assert DVC["metrics"] == [f"metrics/{stage}.json" for stage in ("train", "evaluate", "quantize", "baseline")]
    for path in DVC["metrics"]:
        content = json.loads(committed(path))
        flat = [value for value in content.values() if not isinstance(value, dict | list)]
        flat += [value for part in content.values() if isinstance(part, dict) for value in part.values()]
        assert len(flat) <= 8, path
        assert not any(isinstance(value, dict) for value in flat), path


def test_every_template_is_used_and_every_plot_has_one():
    from strata.sweeping.results import pictures

    named = {plot.get("template") for entry in DVC["plots"] for plot in entry.values()}
    for stage in STAGES:
        for entry in DVC["stages"][stage].get("plots", []):
            named |= {options.get("template") for options in entry.values()}
    named |= {options["template"] for entry in pictures("small", "accuracy") for options in entry.values()}
    ours = {path.stem for path in (ROOT / ".dvc/plots").glob("*.json")}
    assert ours <= named
    assert named - ours <= {None, "scatter", "simple", "linear"}, "DVC's own"


def test_a_model_has_the_colour_of_the_report_in_every_template():
    from stages.report.gallery import PLACES
    from stages.report.pictures import SERIES

    for name in ("reliability", "scores"):
        text = (ROOT / f".dvc/plots/{name}.json").read_text(encoding="utf-8")
        scale = re.search(r'"range": \[(.*?)\]', text, re.DOTALL)[1]
        assert re.findall("#[0-9a-f]{6}", scale) == list(SERIES), name
    curves = (ROOT / ".dvc/plots/curves.json").read_text(encoding="utf-8")
    for model in ("fp32", "int8", "tfidf"):
        assert f"'{model}': '{SERIES[PLACES[model]]}'" in curves


@pytest.mark.parametrize("path", sorted((ROOT / ".dvc/plots").glob("*.json")), ids=lambda path: path.stem)
def test_a_template_is_filled_by_dvc_with_its_data_and_title(path):
    from dvc_render import VegaRenderer

    points = [{"rev": "workspace", "filename": "x.csv", "x": "1", "y": "2"}]
    options = {"x": "x", "y": "y", "title": 'a "title"', "template": path.stem, "template_dir": str(path.parent)}
    filled = VegaRenderer(points, "plot", **options).get_filled_template()
    assert filled["data"]["values"] == points
    assert filled["title"]["text"] == 'a "title"'
    assert "<DVC_" not in json.dumps(filled)


def test_every_plot_is_made_by_a_stage():
    made = {path for stage in STAGES for path in entries(stage, "plots")}
    assert {path for entry in DVC["plots"] for plot in entry.values() for path in plot["y"]} <= made


def settings_modules() -> set[Path]:
    """The modules that check params.yaml and recipes, and what they import."""
    queue, seen = sorted(SETTINGS.glob("*.py")), set()
    while queue:
        path = queue.pop()
        if path not in seen:
            seen.add(path)
            queue += imported(path)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_where_only_what_it_declares_exists(stage, trained, tmp_path):
    """Run it in a folder that holds its deps, the parameter files with their schema, and nothing else."""
    checks = {room(path.relative_to(ROOT).as_posix()) for path in settings_modules()}
    needed = [*entries(stage, "deps"), *checks, "dvc.yaml", "params.yaml", "recipes", "tiny"]
    for path in [path.replace("${recipe}", "sample") for path in needed]:
        source = (ROOT if path.startswith(("stages/", "strata/", "dvc.yaml")) else trained.root) / path
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
    for name in ("stages", "strata"):
        (tmp_path / name / "__init__.py").touch()
    argv = shlex.split(DVC["stages"][stage]["cmd"].replace("${recipe}", "sample"))[1:]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, *argv], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for path in [path for kind in ("outs", "metrics", "plots") for path in entries(stage, kind)]:
        for file in [p for p in [tmp_path / path, *(tmp_path / path).rglob("*")] if p.is_file()]:
            again = trained.root / file.relative_to(tmp_path)
            assert file.read_bytes() == again.read_bytes(), f"{file} differs from the run in another folder"


@pytest.mark.slow
def test_light_stages_import_neither_torch_nor_transformers():
    light = ", ".join(
        f"stages.{name}" for name in ("ingest.__main__", "standardize.__main__", "split", "resample", "adapt")
    )
    code = f"import sys, {light}; print(*sorted({{'torch', 'transformers'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
