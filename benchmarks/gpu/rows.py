"""Make the two projects that benchmarks.gpu trains on: short texts and long ones.

    python -m benchmarks.gpu.rows FOLDER

The rest of the benchmark reads FOLDER alone, so it can be made on one machine and taken to another.
"""

import sys
from pathlib import Path

from strata.base.files import write_json
from strata.settings.yaml_loader import read_yaml

from .. import pipeline

PROJECTS = {  # recipe, max_length, and the rows drawn from the recipe's, None for all
    "short": ("rotten_tomatoes", 128, None),
    "long": ("imdb", 512, 3000),
}


def make(folder: Path) -> None:
    """Run the pipeline up to adapt in FOLDER/short and FOLDER/long."""
    for name, (recipe, max_length, sample) in PROJECTS.items():
        project = folder / name
        project.mkdir(parents=True)
        pipeline.prepare(project, recipe, {"tokenize": {"max_length": max_length}})
        path = project / f"recipes/{recipe}.yaml"
        write_json(path, read_yaml(path) | {"sample": sample})  # JSON is YAML
        for stage in pipeline.stages_up_to("adapt"):
            pipeline.run(project, recipe, stage)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
