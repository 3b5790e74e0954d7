"""Search for the best settings, or run named ones, by the scores of validation rows.

    $ strata sweep rotten_tomatoes
    sweep: rotten_tomatoes: dataset: rotten_tomatoes
    sweep: rotten_tomatoes-000 accuracy 0.8199 (train.lr=4.6e-05, ...); best 0.8199, ...; 1 of 12 trials, ...
    ...
    sweep: rotten_tomatoes-006 stopped early (train.lr=5.65e-05, ...); best 0.8258, ...; 7 of 12 trials, ...

Reads sweeps/NAME.yaml. Each trial is a DVC experiment, such as NAME-007, in a workspace of its own. It ends with its
training and the scores of validation rows: no test row is scored. If it is killed, run the same command to resume.
"""

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

from strata.base.errors import StrataError
from strata.base.files import replace_file
from strata.commands.arguments import add_project, parser
from strata.settings.overrides import described, rewritten
from strata.settings.reader import read_settings
from strata.settings.sweep_reader import check_sweep, read_sweep
from strata.settings.yaml_loader import read_yaml

if TYPE_CHECKING:
    from strata.sweeping.answer import Answer
    from strata.sweeping.study import Study

NAME = re.compile(r"\w[\w-]{0,99}")
BEST = "the best"


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("sweep", __doc__)
    arguments.add_argument("name", metavar="NAME", help="of the sweep: sweeps/NAME.yaml")
    arguments.add_argument("--jobs", type=int, default=1, metavar="N", help="trials side by side; 1 unless given")
    arguments.add_argument("--on", choices=["ray"], help="run the trials on a Ray cluster, not on this machine")
    arguments.add_argument(
        "--address", help="of the cluster, with --on ray; RAY_ADDRESS or the cluster of this machine unless given"
    )
    arguments.add_argument(
        "--restart", action="store_true", help="delete the trials so far and their experiments, and start over"
    )
    arguments.add_argument("--report", action="store_true", help="say what came of the trials so far, and run none")
    arguments.add_argument(
        "--apply",
        nargs="?",
        const=BEST,
        metavar="TRIAL",
        help="write a trial's settings into params.yaml, the best one's unless named, and run none",
    )
    add_project(arguments)
    args = arguments.parse_args(argv)
    if not NAME.fullmatch(args.name):
        raise StrataError(f"NAME is {args.name!r}, must have letters, digits, - and _ only: for sweeps/x.yaml it is x")
    if args.jobs < 1:
        raise StrataError(f"--jobs is {args.jobs}, must be at least 1")
    applies = args.apply is not None
    if args.restart and (args.report or applies):
        raise StrataError("--restart runs the sweep from its start; leave --report and --apply out")
    if args.address and not args.on:
        raise StrataError("--address names a Ray cluster, and needs --on ray")
    if args.on and importlib.util.find_spec("ray") is None:
        raise StrataError("the package ray is not installed; in Strata's folder: pip install '.[pipeline,ray]'")
    ray = (args.address or "auto") if args.on else None
    project = args.project.resolve()
    params = project / "params.yaml"
    read_settings(params, project / "recipes")  # mistakes in params.yaml and the recipe are reported first
    path = project / "sweeps" / f"{args.name}.yaml"
    sweep = read_sweep(path)

    from strata.sweeping import learning_curve, results, run, words
    from strata.sweeping.answer import answer

    content = read_yaml(params) if args.restart else run.settings_without_draws(project, args.name, sweep)
    check_sweep(sweep, path, content, project / "recipes")
    if not (args.report or applies):
        run.run(project, args.name, sweep, args.jobs, args.restart, ray)
    study = run.known_study(project, args.name, sweep)
    result = answer(study, project / run.STATE / args.name / run.ROWS)
    if applies:
        apply(args.apply, study, result, params)
        return
    folder = project / run.RESULTS / args.name
    results.write(folder, result, sweep, study.params["recipe"])
    print(words.printed(result, study, folder.relative_to(project)))
    if curve := learning_curve.curve(result, project / run.STATE / args.name / run.ROWS, sweep):
        print(learning_curve.printed(curve))


def apply(wanted: str, study: "Study", result: "Answer", params: Path) -> None:
    """Write a trial's settings into params.yaml. wanted: its name, or BEST. Raises: StrataError if it has no score."""
    from strata.sweeping import starting_point

    trials = {one.name: one for one in result.scored}
    chosen = result.best if wanted == BEST else trials.get(wanted)
    if chosen is None:
        raise StrataError(f"no trial {wanted!r} has a score; those that have: {', '.join(trials)}")
    if wanted == BEST and result.apart:
        raise StrataError(
            "the runs were scored on different rows, so that none is the best of all; choose one: --apply TRIAL"
        )
    values = starting_point.settings_of_trial(study.sweep, study.params, chosen.overrides)
    others = starting_point.differences(study.params, params, params.with_name("dvc.yaml"), study.sweep)
    with replace_file(params.resolve()) as partial:  # a link stays one, and CRLF stays CRLF
        partial.write_bytes(rewritten(params.read_bytes().decode("utf-8"), values).encode("utf-8"))
    print(f"sweep: {params.name} has the settings of {chosen.name}: {described(values)}")
    if others:
        print(f"sweep: the trial ran with {described(others)}; {params.name} now has other values")
