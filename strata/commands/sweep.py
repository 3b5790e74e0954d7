"""Search for the best settings, or run named ones, by the scores of validation rows.

    $ strata sweep learning_rate

Reads sweeps/NAME.yaml. Each trial is a DVC experiment, NAME-007, in a workspace of its own; it ends with the training
and its scores of validation rows, and no test row is scored. The same command goes on after a kill.
"""

import fcntl
import shutil
import signal

from strata.base.errors import StrataError
from strata.commands.arguments import add_project, parser
from strata.settings.reader import read_settings, read_sweep
from strata.settings.sweep import Search
from strata.settings.yaml_loader import read_yaml

RESULTS, STATE, WORKSPACES = "plots/sweep", "data/sweep", ".dvc/tmp/sweep"


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("sweep", __doc__)
    arguments.add_argument("name", metavar="NAME", help="of the sweep: sweeps/NAME.yaml")
    arguments.add_argument("--jobs", type=int, default=1, metavar="N", help="trials side by side; 1 unless given")
    arguments.add_argument("--restart", action="store_true", help="forget the trials so far")
    add_project(arguments)
    args = arguments.parse_args(argv)
    project = args.project.resolve()
    sweep = read_sweep(project / "sweeps" / f"{args.name}.yaml", project / "params.yaml", project / "recipes")
    read_settings(project / "params.yaml", project / "recipes")
    run(project, args.name, sweep, args.jobs, args.restart)


def run(project, name, sweep, jobs, restart) -> None:
    from strata.sweeping import base
    from strata.sweeping.search import local_runner, search
    from strata.sweeping.study import Study, journal
    from strata.sweeping.workspace import Workspace

    state, workspaces = project / STATE / name, project / WORKSPACES / name
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StrataError(f"another strata sweep {name} is running in this project") from None
        if restart:
            shutil.rmtree(state / "rows", ignore_errors=True)
            (state / "journal.log").unlink(missing_ok=True)
        study = Study(sweep, name, (isinstance(sweep, Search) and sweep.storage) or journal(state / "journal.log"))
        study.check_base(base.fingerprint(project, name, sweep))
        used = base.recipes(sweep, read_yaml(project / "params.yaml"))
        if study.is_finished:
            print("finished")
            return
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
        made = [Workspace(workspaces / str(i), project, used) for i in range(min(jobs, study.round_size))]
        search(
            study,
            local_runner(made, sweep, state / "logs"),
            len(made),
            state / "rows",
            lambda: [w.end_process() for w in made],
        )
