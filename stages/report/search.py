"""The searches that found this run's settings: what they promised, to be shown beside what the run found."""

from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from strata.base.errors import StrataError
from strata.base.files import rounded
from strata.base.spreadsheet import unguarded
from strata.settings.fields import Section
from strata.settings.overrides import Overrides, changed
from strata.settings.params import Params
from strata.settings.sweep_answer import again, read_answer


def read(folder: Path, settings: Params) -> list[dict]:
    """Return each search of this run's recipe that has this run's settings among its best.

    folder: of the results of all. Each has its name, its answer, `used`, the trial whose settings these are, the keys
    of `settings`, and two tables for the pictures. Raises: StrataError when a file is missing or broken.
    """
    run = {"model": settings.model, "resample": settings.resample, "tokenize": settings.tokenize}
    run |= {"adapt": settings.adapt, "train": settings.train}
    searches = []
    for path in sorted(folder.glob("[!.]*/answer.json")):
        answer = read_answer(path)
        used = [one for one in answer.tied if has(run, one.settings)]
        if answer.recipe == settings.recipe and used:
            history = read_points(path.with_name("history.csv"), "trial", number=float, score=float, best=float)
            places = read_points(
                path.with_name("parallel.csv"), "trial", "key", "value", "scale", score=float, place=float
            )
            looks = {one.trial: 1 for one in answer.tied} | {answer.best.trial: 2}  # of stages/report/pictures.py
            tables = {"history": history, "places": places}
            tables = {name: table.assign(look=table["trial"].map(looks).fillna(0)) for name, table in tables.items()}
            keys = dict.fromkeys(key for one in answer.tied for key in one.settings)
            about = {"name": path.parent.name, "answer": answer, "used": used[0], "settings": list(keys)}
            searches.append(about | tables)
    return searches


def has(run: dict[str, Section], overrides: Overrides) -> bool:
    """Whether a run has these settings, to the digits that are recorded. run: its sections by name.

    No settings, as of a run that changes nothing, are nobody's: every later run would have them.
    """
    own = {name: section.model_dump(mode="json") for name, section in run.items()}
    try:
        other = {
            name: type(run[name]).model_validate(values).model_dump(mode="json")
            for name, values in changed(own, overrides).items()
        }
    except (KeyError, ValidationError):  # of a section that is not here, or as params.yaml no longer takes them
        return False
    return bool(overrides) and rounded(other) == rounded(own)


def read_points(path: Path, *texts: str, **figures: type) -> pd.DataFrame:
    """Read the points of a picture: columns of text and of figures. Raises: StrataError."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False).map(unguarded)
        if table.empty:
            raise ValueError("no rows")
        return table[[*texts, *figures]].astype(figures)
    except (OSError, ValueError, KeyError) as error:
        raise StrataError(f"{path}: cannot be read ({error}); {again(path)}") from None
