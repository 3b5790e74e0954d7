"""The stages of dvc.yaml in a folder of their own, by the same command lines."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from strata.base.files import write_json
from strata.settings.yaml_loader import read_yaml

ROOT = Path(__file__).parents[1]
STAGES = read_yaml(ROOT / "dvc.yaml")["stages"]


def prepare(folder: Path, recipe: str, settings: dict[str, dict]) -> None:
    """Copy what the stages read into an empty folder. settings: section of params.yaml to the keys changed in it."""
    for name in ("stages", "strata", "recipes"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "data/raw").mkdir(parents=True)
    (folder / "data/raw" / recipe).symlink_to(ROOT / "data/raw" / recipe)
    params = read_yaml(ROOT / "params.yaml") | {"recipe": recipe}
    for section, changed in settings.items():
        params[section].update(changed)
    write_json(folder / "params.yaml", params)  # JSON is YAML


def run(folder: Path, recipe: str, stage: str) -> dict:
    """Run one stage and return its metrics; report has none."""
    python, *argv = shlex.split(STAGES[stage]["cmd"].replace("${recipe}", recipe))
    assert python == "python"
    subprocess.run([sys.executable, *argv], cwd=folder, check=True)
    return json.loads((folder / f"metrics/{stage}.json").read_text(encoding="utf-8")) if stage != "report" else {}
