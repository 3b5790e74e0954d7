"""The searches that found this run's settings: what they promised, to be shown beside what the run found."""

from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from strata.base.errors import StrataError
from strata.base.files import rounded
from strata.base.spreadsheet import unguarded
from strata.settings.overrides import Overrides, changed
from strata.settings.params import Params
from strata.settings.sweep import SECTIONS
from strata.settings.sweep_answer import again, read_answer
from strata.settings.yaml_loader import read_yaml


def read(folder: Path, params: Path, settings: Params) -> list[dict]:
    """Return each search of this run's recipe that has this run's settings among its best.

    folder: of the results of all. params: params.yaml. Each has its name, its answer, `used`, the trial whose settings
    these are, `is_shifted`, whether its scores are at another prior than the model's, the keys of `settings`, and two
    tables for the pictures. Raises: StrataError when a file is missing or broken.
    """
    content, searches = read_yaml(params), []
    is_shifted = settings.resample.strategy != "none" or settings.train.class_weights != "none"
    for path in sorted(folder.glob("[!.]*/answer.json")):
        answer = read_answer(path)
        used = [one for one in answer.tied if has(settings, content, one.settings)]
        if answer.recipe == settings.recipe and used:
            tables = {
                "history": read_points(path.with_name("history.csv"), ["trial"], ["number", "score", "best"]),
                "places": read_points(
                    path.with_name("parallel.csv"), ["trial", "key", "value", "scale"], ["score", "place"]
                ),
            }
            looks = {one.trial: 1 for one in answer.tied} | {answer.best.trial: 2}  # of stages/report/pictures.py
            tables = {name: table.assign(look=table["trial"].map(looks).fillna(0)) for name, table in tables.items()}
            keys = list(dict.fromkeys(key for one in answer.tied for key in one.settings))
            about = {
                "name": path.parent.name,
                "answer": answer,
                "used": used[0],
                "is_shifted": is_shifted,
                "settings": keys,
            }
            searches.append(about | tables)
    return searches


def has(settings: Params, content: dict, overrides: Overrides) -> bool:
    """Whether a run has these settings, to the digits that are recorded. content: of its params.yaml.

    No settings, as of a named run that changes nothing, are nobody's: every later run would have them.
    """
    if not overrides or {key.partition(".")[0] for key in overrides} - {*SECTIONS, "recipe"}:
        return False
    try:
        return varied(Params.model_validate(changed(content, overrides))) == varied(settings)
    except ValidationError:  # as params.yaml no longer takes them
        return False


def varied(settings: Params) -> list:
    """Return what a search may vary, to the digits that are recorded."""
    sections = settings.model, settings.resample, settings.tokenize, settings.adapt, settings.train
    return [settings.recipe, *rounded([section.model_dump() for section in sections])]


def read_points(path: Path, texts: list[str], figures: list[str]) -> pd.DataFrame:
    """Read the points of a picture: columns of text and of figures. Raises: StrataError."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False).map(unguarded)
        if table.empty:
            raise ValueError("no rows")
        return table[texts + figures].astype(dict.fromkeys(figures, float))
    except (OSError, ValueError, KeyError) as error:
        raise StrataError(f"{path}: cannot be read ({error}); {again(path)}") from None
