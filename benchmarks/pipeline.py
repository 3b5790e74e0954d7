"""The stages of dvc.yaml in a folder of their own, by the same command lines."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def prepare(folder: Path, recipe: str, settings: dict[str, dict]) -> None:
    """Copy what the stages read into an empty folder. settings: section of params.yaml to the keys changed in it."""
    for name in ("stages", "strata", "recipes"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "data/raw").mkdir(parents=True)
    (folder / "data/raw" / recipe).symlink_to(ROOT / "data/raw" / recipe)
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["recipe"] = recipe
    for section, changed in settings.items():
        params[section].update(changed)
    yaml.dump(params, folder / "params.yaml")


def run(folder: Path, recipe: str, stage: str) -> dict:
    """Run one stage and return its metrics; report has none."""
    python, *argv = shlex.split(STAGES[stage]["cmd"].replace("${recipe}", recipe))
    assert python == "python"
    subprocess.run([sys.executable, *argv], cwd=folder, check=True)
    return json.loads((folder / f"metrics/{stage}.json").read_text(encoding="utf-8")) if stage != "report" else {}
