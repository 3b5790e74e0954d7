"""Run the stages of dvc.yaml in another folder, with the same command lines."""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from strata.base.files import write_json
from strata.base.tables import write_frame
from strata.score_table import parse
from strata.settings.yaml_loader import parse_yaml, read_yaml

ROOT = Path(__file__).parents[1]
STAGES = read_yaml(ROOT / "dvc.yaml")["stages"]


def stages_up_to(last: str) -> list[str]:
    """Return the names of the stages from the first one to `last`."""
    names = list(STAGES)
    return names[: names.index(last) + 1]


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add -S SECTION.NAME=VALUE, as of dvc exp run, to a parser: `settings`, strings."""
    parser.add_argument("-S", dest="settings", action="append", default=[], metavar="SECTION.NAME=VALUE")


def by_section(settings: list[str]) -> dict[str, dict]:
    """Return settings as `prepare` takes them.

    >>> by_section(["train.lr=3e-5", "train.patience=null"])
    {'train': {'lr': 3e-05, 'patience': None}}
    """
    sections: dict[str, dict] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        section, _, name = key.partition(".")
        sections.setdefault(section, {})[name] = parse_yaml(value)
    return sections


def prepare(folder: Path, recipe: str, settings: dict[str, dict]) -> None:
    """Copy what the stages read into an empty folder. settings: changed settings by section of params.yaml."""
    for name in ("stages", "strata", "recipes"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "dvc.yaml", folder)  # train reads in it which code its snapshots depend on
    (folder / "data/raw").mkdir(parents=True)
    (folder / "data/raw" / recipe).symlink_to(ROOT / "data/raw" / recipe)
    write_json(folder / "params.yaml", read_yaml(ROOT / "params.yaml") | {"recipe": recipe})  # JSON is YAML
    change(folder, settings)


def change(folder: Path, settings: dict[str, dict]) -> None:
    """Change settings of a folder's params.yaml. settings: by section."""
    params = read_yaml(folder / "params.yaml")
    for section, changes in settings.items():
        params[section].update(changes)
    write_json(folder / "params.yaml", params)


def prepare_rows(
    folder: Path, name: str, recipe: dict, files: dict[str, pd.DataFrame], settings: dict[str, dict]
) -> None:
    """Prepare a folder for rows that no recipe of the project has. recipe: its content. files: the columns of
    tables.ROWS, by the names of the recipe's Parquet files. settings: as `prepare`.
    """
    prepare(folder, name, settings)
    write_json(folder / f"recipes/{name}.yaml", recipe)
    raw = folder / "data/raw" / name
    raw.unlink()  # a link to what is not there
    raw.mkdir()
    for file, rows in files.items():
        write_frame(raw / file, rows)


def run(folder: Path, recipe: str, stage: str) -> dict:
    """Run one stage and return its metrics; report has none. Under `scores`: by model and split, with intervals."""
    python, *argv = shlex.split(STAGES[stage]["cmd"].replace("${recipe}", recipe))
    assert python == "python"
    subprocess.run([sys.executable, *argv], cwd=folder, check=True)
    metrics = json.loads((folder / f"metrics/{stage}.json").read_text(encoding="utf-8")) if stage != "report" else {}
    table = folder / f"plots/{stage}/scores.csv"
    return metrics | ({"scores": parse(table.read_text(encoding="utf-8"))} if table.exists() else {})


def run_timed(folder: Path, recipe: str, stages: Iterable[str]) -> tuple[dict[str, dict], dict[str, float]]:
    """Run stages. Return the metrics of each as `run` does, and its seconds."""
    metrics, seconds = {}, {}
    for stage in stages:
        start = time.perf_counter()
        metrics[stage] = run(folder, recipe, stage)
        seconds[stage] = round(time.perf_counter() - start, 1)
    return metrics, seconds


def verdict(folder: Path, model: str) -> str:
    """Return evaluate's verdict on the fine-tuned model against another one."""
    verdicts = pd.read_csv(folder / "plots/evaluate/verdicts.csv")
    return verdicts.set_index("model").loc[model, "words"]
