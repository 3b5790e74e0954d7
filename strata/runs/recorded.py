"""Whether the run in a project's folder repeats the one that its last Git commit records."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from strata.base.errors import StrataError
from strata.score_table import parse
from strata.scoring import HEADLINES
from strata.settings.yaml_loader import parse_bytes

LOCK, RECORDS = "dvc.lock", ("metrics", "plots")
SCORES = tuple(f"plots/{stage}/scores.csv" for stage in ("baseline", "evaluate", "quantize"))
COUNTS = ("rows", "labels")
ROUNDING = 2e-6  # of the recorded figures, relative

Place = tuple[str, ...]
"""Where a figure stands in a metrics file: its keys, from the outermost."""


class Comparison(NamedTuple):
    """The files of the recorded run, and those that differ here; the numbers of scores that have a recorded interval;
    and a sentence for each deviation that chance does not explain.
    """

    files: list[str]
    changed: list[str]
    headlines: int
    others: int
    others_outside: int  # their intervals
    outside: list[str]  # headlines, and counts of rows that differ


class Head:
    """The last commit, as seen from a project's folder."""

    def __init__(self, project: Path):
        self.project = project

    def git(self, *argv: str) -> bytes | None:
        """Return what a git command prints; None where it fails, or there is no git."""
        try:
            result = subprocess.run(["git", *argv], cwd=self.project, capture_output=True, check=False)
        except FileNotFoundError:
            return None
        return result.stdout if result.returncode == 0 else None

    def read(self, path: str) -> bytes | None:
        """Return a file of the last commit; None where it has none of this name."""
        return self.git("show", f"HEAD:./{path}")

    def files(self, *paths: str) -> list[str]:
        """Return the files of the last commit under these paths."""
        return (self.git("ls-tree", "-r", "-z", "--name-only", "HEAD", "--", *paths) or b"").decode().split("\0")[:-1]

    def here(self, path: str) -> bytes | None:
        """Return a file as it is now; None where there is none."""
        try:
            return (self.project / path).read_bytes()
        except OSError:
            return None


def no_record(head: Head) -> str | None:
    """Return why there is no recorded run, or None where there is one."""
    if head.git("rev-parse", "HEAD") is None:
        return "no Git commit is here"
    missing = [path for path in (LOCK, *SCORES) if head.read(path) is None]
    return f"the last commit holds no {' and no '.join(missing)}" if missing else None


def differences(head: Head) -> dict[str, list[str]]:
    """Return what makes this another run than the recorded one, by name, under settings, code and source data.

    Settings are compared by meaning, since `dvc exp run` rewrites params.yaml; code, as far as Git tracks it.
    """
    params, recorded_params = (
        _yaml(content, "params.yaml") for content in (head.here("params.yaml"), head.read("params.yaml"))
    )
    recipe, recorded_recipe = params.get("recipe"), recorded_params.get("recipe")
    if recipe != recorded_recipe:
        return {"settings": [f"recipe {recipe} instead of {recorded_recipe}"]}
    lock, recorded_lock = (_yaml(content, LOCK) for content in (head.here(LOCK), head.read(LOCK)))
    changed = _unequal(_parameters(lock), _parameters(recorded_lock))
    settings = ("params.yaml", f"recipes/{recipe}.yaml")
    for path in settings:
        if not changed and not _means_the_same(head.read(path), head.here(path)):
            changed.append(path)
    sources, recorded_sources = (
        {path: md5 for path, md5 in _sources(some).items() if path not in settings} for some in (lock, recorded_lock)
    )
    code = sorted(path for path in sources if not path.startswith("data/"))
    diff = head.git("diff", "--name-only", "--relative", "-z", "HEAD", "--", "dvc.yaml", *code)
    if diff is None:
        raise StrataError("git diff fails in this project; run it to see why")
    others = dict.fromkeys([*diff.decode().split("\0")[:-1], *_unequal(sources, recorded_sources)])
    found = {
        "settings": changed,
        "code": [path for path in others if not path.startswith("data/")],
        "source data": [path for path in others if path.startswith("data/")],
    }
    return {kind: names for kind, names in found.items() if names}


def compared(head: Head) -> Comparison:
    """Compare the workspace's metrics, plots and dvc.lock with those of the last commit.

    Only HEADLINES on test rows decide. The recorded intervals cover the variation between samples of test rows, and
    retraining changes these scores by no more than that. Other scores, such as the recall of one label or the accuracy
    on training rows, depend on the step at which training stopped, and change more (docs/lab-notes.md).

    Raises: StrataError when a file of metrics or scores is missing here, or broken.
    """
    paths = head.files(LOCK, *RECORDS)
    changed = [path for path in paths if head.read(path) != head.here(path)]
    headlines, others, others_outside, outside = 0, 0, 0, []
    for path in [path for path in paths if path in SCORES]:
        places = _scores(head.here(path), path)
        for place, (score, ends) in _scores(head.read(path), f"HEAD:{path}").items():
            if score is None or ends is None:
                continue
            value, _ = places.get(place, (None, None))
            is_inside = _is_inside(value, min(ends["low"], score), max(ends["high"], score))
            if place[1] != "test" or place[2] not in HEADLINES:
                others, others_outside = others + 1, others_outside + (not is_inside)
                continue
            headlines += 1
            if not is_inside:
                shown = "undefined" if value is None else f"{value:.4g}"
                recorded = f"recorded {score:.4g} ({ends['low']:.4g} to {ends['high']:.4g})"
                outside.append(f"{path}: {' '.join(place)} is {shown}, {recorded}")
    for path in [path for path in paths if path.startswith("metrics/") and path.endswith(".json")]:
        recorded, here = _json(head.read(path), f"HEAD:{path}"), _json(head.here(path), path)
        places = dict(_figures(here))
        for place, count in _figures(recorded):
            if place[-1] in COUNTS and places.get(place) != count:
                outside.append(f"{path}: {'.'.join(place)} is {places.get(place)}, recorded {count}")
    return Comparison(paths, changed, headlines, others, others_outside, outside)


def _is_inside(value: Any, low: float, high: float) -> bool:
    if not isinstance(value, int | float):
        return False
    return low - ROUNDING * abs(low) <= value <= high + ROUNDING * abs(high)


def _figures(content: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield each value that is under a key of its own, and each mapping, with its place."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield (*place, key), value
            yield from _figures(value, (*place, key))


def _scores(content: bytes | None, name: str) -> dict[Place, tuple[float | None, dict | None]]:
    """Return each score and its interval, either None where undefined, by model, split and metric."""
    if content is None:
        raise StrataError(f"{name}: no such file; dvc repro")
    try:
        scored = parse(content.decode())
        return {
            (model, split, metric): (scores[metric], ends)
            for (model, split), scores in scored.items()
            for metric, ends in scores["interval"].items()
        }
    except (ValueError, KeyError) as error:
        raise StrataError(f"{name}: not a table of scores ({error}); dvc repro --force") from None


def _parameters(lock: dict) -> dict[str, str]:
    """Return the parameters that dvc.lock records, by file and key, as JSON."""
    return {
        f"{path}: {key}": json.dumps(value)
        for stage in lock.get("stages", {}).values()
        for path, values in stage.get("params", {}).items()
        for key, value in values.items()
    }


def missing_outputs(head: Head) -> list[str]:
    """Return what dvc.lock records as written and is not here."""
    lock = _yaml(head.here(LOCK), LOCK)
    return [path for path in _outputs(lock) if not (head.project / path).exists()]


def _outputs(lock: dict) -> list[str]:
    return [out["path"] for stage in lock.get("stages", {}).values() for out in stage.get("outs", [])]


def _sources(lock: dict) -> dict[str, str]:
    """Return the hashes that dvc.lock records of what no stage wrote, by path."""
    outs = _outputs(lock)
    deps = [dep for stage in lock.get("stages", {}).values() for dep in stage.get("deps", [])]

    def is_written(path: str) -> bool:
        return any(f"{path}/".startswith(f"{out}/") or out.startswith(f"{path}/") for out in outs)

    return {dep["path"]: dep["md5"] for dep in deps if not is_written(dep["path"])}


def _unequal(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]


def _means_the_same(one: bytes | None, other: bytes | None) -> bool:
    """Tell whether two YAML files hold the same, in one order; `dvc exp run` writes some of them anew."""
    if one is None or other is None or one == other:
        return one == other
    try:
        return json.dumps(parse_bytes(one, "")) == json.dumps(parse_bytes(other, ""))
    except StrataError:
        return False


def _yaml(content: bytes | None, name: str) -> dict:
    if content is None:
        raise StrataError(f"{name}: no such file; dvc repro")
    parsed = parse_bytes(content, name)
    return parsed if isinstance(parsed, dict) else {}


def _json(content: bytes | None, name: str) -> Any:
    if content is None:
        raise StrataError(f"{name}: no such file; dvc repro")
    try:
        return json.loads(content)
    except ValueError as error:
        raise StrataError(f"{name}: not a readable JSON file ({error}); dvc repro --force") from None
