"""The answer of a sweep as it is printed."""

from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from strata.settings.overrides import described
from strata.settings.sweep import Search
from strata.sweeping.answer import Answer
from strata.sweeping.study import Study

MOST_SHOWN = 10  # settings that are not told from the best


def printed(answer: Answer, study: Study, results: Path) -> str:
    """Return the lines to print. results: the folder of the files, for the last line."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    sweep = study.sweep
    not_counted = [key for key in sweep.search if key not in answer.importances] if isinstance(sweep, Search) else []
    others = answer.tied[1:]
    known = not np.isnan(answer.shrinkage)
    text = environment.get_template("answer.txt.j2").render(
        **answer._asdict(),
        name=study.name,
        most=study.most,
        metric=sweep.metric,
        folds=sweep.folds,
        results=results,
        described=described,
        states=", ".join(f"{count} {state}" for state, count in answer.states.items() if count),
        apart=answer.apart,
        stopped=answer.states["stopped early"],
        not_counted=not_counted,
        shown=others[:MOST_SHOWN],
        width=max((len(one.name) for one in others[:MOST_SHOWN]), default=0),
        promised=answer.promised(sweep.sign) if known else None,
        error=answer.shrinkage_error,
        failed=[one for one in answer.settings if one.ending.reason],
    )
    return text.rstrip("\n")
