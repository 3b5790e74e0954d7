"""What a trial needs from the project: stages, and the model folders that its settings name."""

from pathlib import Path
from typing import Any

from strata.sweeping.experiment import TARGET


def upstream(pipeline: dict[str, Any], target: str = TARGET) -> list[str]:
    """Return the stages that a stage needs, itself included. pipeline: the content of dvc.yaml."""
    stages, needed, waiting = pipeline["stages"], [], [target]
    while waiting:
        name = waiting.pop()
        needed.append(name)
        inputs = stages[name].get("deps", [])
        waiting += [
            other
            for other in stages
            if other not in [*needed, *waiting]
            and any(_is_within(path, out) or _is_within(out, path) for path in inputs for out in outputs(stages[other]))
        ]
    return [name for name in stages if name in needed]


def outputs(stage: dict[str, Any]) -> list[str]:
    """Return the paths of all outputs, metrics and plots of a stage in dvc.yaml."""
    listed = [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    return [path for out in listed for path in (out if isinstance(out, dict) else [out])]


def model_folders(project: Path, settings: dict[str, Any]) -> list[str]:
    """Return the model folders in the project that settings name. settings: the content of params.yaml."""
    teachers = settings["train"]["teacher"] or []
    models = [settings["model"]["checkpoint"], *([teachers] if isinstance(teachers, str) else teachers)]
    return [model for model in models if (project / model).is_dir() and not Path(model).is_absolute()]


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
