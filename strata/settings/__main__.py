"""Check params.yaml, every recipe and every sweep, or renew the JSON Schemas that editors use.

python -m strata.settings           check params.yaml, every recipe and every sweep
python -m strata.settings --write   write params.schema.json, recipe.schema.json and sweep.schema.json
"""

import sys
from pathlib import Path

from strata.base import command_line
from strata.settings.json_schema import schemas
from strata.settings.reader import read, read_settings
from strata.settings.recipe import Recipe
from strata.settings.sweep_reader import check_names, check_sweep, read_sweep
from strata.settings.yaml_loader import read_yaml


def main() -> None:
    if sys.argv[1:] == ["--write"]:
        for name, text in schemas().items():
            Path(__file__).with_name(name).write_text(text, encoding="utf-8")
        return
    read_settings(Path("params.yaml"), Path("recipes"))
    for path in sorted(Path("recipes").glob("*.yaml")):
        read(path, Recipe)
    params = read_yaml(Path("params.yaml"))
    for path in sorted(Path("sweeps").glob("*.yaml")):
        sweep = read_sweep(path)
        has_run = Path(f"plots/sweep/{path.stem}/answer.json").exists()
        if has_run:  # its values are checked when it goes on, with the settings that it began with
            check_names(sweep, path, params)
        else:
            check_sweep(sweep, path, params, Path("recipes"))


if __name__ == "__main__":
    command_line.run(main, "settings")
