"""Run the stages of dvc.yaml in another folder, with the same command lines."""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

from strata.base.files import write_json
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
    params = read_yaml(ROOT / "params.yaml") | {"recipe": recipe}
    for section, changes in settings.items():
        params[section].update(changes)
    write_json(folder / "params.yaml", params)  # JSON is YAML


def run(folder: Path, recipe: str, stage: str) -> dict:
    """Run one stage and return its metrics; report has none. Under `scores`: by model and split, with intervals."""
    python, *argv = shlex.split(STAGES[stage]["cmd"].replace("${recipe}", recipe))
    assert python == "python"
    subprocess.run([sys.executable, *argv], cwd=folder, check=True)
    metrics = json.loads((folder / f"metrics/{stage}.json").read_text(encoding="utf-8")) if stage != "report" else {}
    table = folder / f"plots/{stage}/scores.csv"
    return metrics | ({"scores": parse(table.read_text(encoding="utf-8"))} if table.exists() else {})


def verdict(folder: Path, model: str) -> str:
    """Return evaluate's verdict on the fine-tuned model against another one."""
    verdicts = pd.read_csv(folder / "plots/evaluate/verdicts.csv")
    return verdicts.set_index("model").loc[model, "words"]
