"""Kill a search at random moments, count what its pruner saves, and time a trial beside `dvc repro`.

    python -m benchmarks.sweep            # from the root; writes benchmarks/sweep/results.json
    python -m benchmarks.sweep --times    # times a trial anew, and keeps the other figures

A small real recipe: 400 reviews of Rotten Tomatoes and the default checkpoint. Each search has 20 trials. A killed
search, and all processes that it started, gets SIGKILL at random moments, and is then started again. Times are wall
times in seconds; trials and `dvc repro train` alternate, and each has a learning rate that was not run before.
"""

import hashlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import optuna
import psutil

from strata.base.cores import cores
from strata.settings.overrides import rewritten
from strata.sweeping.study import OVERRIDES, ending_of, journal

HERE = Path(__file__).parent
SAMPLE, KILLS, TRIALS, REPETITIONS = 400, 3, 20, 5
SEARCH = """
search:
  train.lr: {{low: 1.0e-5, high: 3.0e-4, log: true}}
  train.batch_size: [8, 16, 32]
  train.epochs: [1, 2]
metric: accuracy
direction: maximize
sampler: tpe
trials: {trials}
pruner: {pruner}
round: 1
seed: 1
"""
RUNS = """
runs: {{one: {{train.lr: {lr}}}}}
metric: accuracy
direction: maximize
"""


def make_project(folder: Path) -> Path:
    """Clone this project, with a small sample for its recipe, and no minimum number of training steps."""
    subprocess.run(["git", "clone", "--quiet", ".", str(folder)], check=True)
    for name, change in (
        ("recipes/rotten_tomatoes.yaml", {"sample": SAMPLE}),
        ("params.yaml", {"train.min_steps": None}),
    ):
        path = folder / name
        path.write_text(rewritten(path.read_text(encoding="utf-8"), change), encoding="utf-8")
    return folder


def command(folder: Path, *argv: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", "from strata.commands.main import main; main()", *argv],
        cwd=folder, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(folder)},
    )  # fmt: skip


def run(folder: Path, *argv: str) -> float:
    """Run `strata` to its end and return the seconds."""
    start = time.perf_counter()
    with command(folder, *argv) as process:
        process.communicate()
    if process.returncode:
        raise SystemExit(f"strata {' '.join(argv)}: exit code {process.returncode}")
    return time.perf_counter() - start


def kill(folder: Path, seconds: float, *argv: str) -> None:
    """Start `strata`, and after some seconds kill it with all that it started."""
    with command(folder, *argv) as process:
        time.sleep(seconds)
        members = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for member in members:
            member.send_signal(signal.SIGKILL)


def trials(folder: Path, name: str) -> list[dict]:
    """Return each trial's settings, how it ended, and the steps that it trained."""
    study = optuna.load_study(study_name=name, storage=journal(folder / f"data/sweep/{name}/journal.log", alone=True))
    listed = []
    for trial in study.trials:
        overrides, ending = json.loads(trial.user_attrs[OVERRIDES]), ending_of(trial)
        share = max(trial.intermediate_values) / 100 if ending.state == "PRUNED" else 1
        listed.append({"settings": overrides, "state": ending.state, "score": ending.score, "share": share})
    return listed


def steps(listed: list[dict], rows: int) -> int:
    """Return the optimizer steps of all trials. rows: of the training split."""
    return sum(
        round(-(-rows // one["settings"]["train.batch_size"]) * one["settings"]["train.epochs"] * one["share"])
        for one in listed
    )


def user_files(folder: Path) -> str:
    """Hash the workspace but for Git's and DVC's own files, the results and what a search knows."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        skipped = name.startswith((".git/", ".dvc/", "data/sweep", "plots/sweep")) or "__pycache__" in name
        if path.is_file() and not skipped:
            digest.update(name.encode() + path.read_bytes())
    return digest.hexdigest()


def searches(temporary: Path) -> dict:
    """Run the same search undisturbed, killed, and without a pruner."""
    folder = make_project(temporary / "searches")
    for name, pruner in (("undisturbed", "median"), ("killed", "median"), ("unpruned", "none")):
        text = SEARCH.format(trials=TRIALS, pruner=pruner)
        (folder / f"sweeps/{name}.yaml").write_text(text, encoding="utf-8")
    before = user_files(folder)
    seconds = run(folder, "sweep", "undisturbed")
    again = run(folder, "sweep", "undisturbed")
    draws = random.Random(0)
    moments = sorted(draws.uniform(0.1, 0.9) for _ in range(KILLS))
    moments = [seconds * (moment - earlier) for moment, earlier in zip(moments, [0, *moments], strict=False)]
    killed_folder = make_project(temporary / "killed")  # with a cache of its own, so that nothing is there already
    (killed_folder / "sweeps/killed.yaml").write_text((folder / "sweeps/killed.yaml").read_text(encoding="utf-8"))
    for moment in moments:
        kill(killed_folder, moment, "sweep", "killed")
    run(killed_folder, "sweep", "killed")
    run(folder, "sweep", "unpruned")
    undisturbed, unpruned = (trials(folder, name) for name in ("undisturbed", "unpruned"))
    killed = trials(killed_folder, "killed")
    rows = round(0.7 * SAMPLE)
    return {
        "trials": TRIALS,
        "kills_after_s": [round(moment, 1) for moment in moments],
        "trials_of_the_killed_search": len(killed),
        "killed_and_undisturbed_trials_are_equal": killed == undisturbed,
        "best_of_killed": max(one["score"] or 0 for one in killed),
        "best_of_undisturbed": max(one["score"] or 0 for one in undisturbed),
        "workspace_is_unchanged": user_files(folder) == before,
        "git_status": subprocess.run(
            ["git", "status", "--porcelain"], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.splitlines(),
        "finished_search_again_s": round(again, 1),
        "steps_with_pruner": steps(undisturbed, rows),
        "steps_without": steps(unpruned, rows),
        "stopped_early": sum(one["state"] == "PRUNED" for one in undisturbed),
        "best_without_pruner": max(one["score"] or 0 for one in unpruned),
    }


def times(temporary: Path) -> dict:
    """Time a trial, and dvc repro of the same stages, by turns."""
    folder = make_project(temporary / "times")
    run_repro(folder, 9e-5)
    seconds = {"trial": [], "dvc_repro": []}
    for i in range(REPETITIONS):
        (folder / "sweeps/one.yaml").write_text(RUNS.format(lr=1e-5 * (i + 1)), encoding="utf-8")
        seconds["trial"].append(run(folder, "sweep", "one", "--restart"))
        seconds["dvc_repro"].append(run_repro(folder, 1.5e-5 * (i + 1) + 1e-6))
    medians = {name: round(statistics.median(values), 1) for name, values in seconds.items()}
    overheads = sorted(a - b for a, b in zip(*seconds.values(), strict=True))
    return {
        "one_trial_sweep_s": medians["trial"],
        "dvc_repro_s": medians["dvc_repro"],
        "overhead_s": round(statistics.median(overheads), 1),
        "least_overhead_s": round(overheads[0], 1),
        "largest_overhead_s": round(overheads[-1], 1),
    }


def run_repro(folder: Path, lr: float) -> float:
    """Run dvc repro up to train with another learning rate, and return the seconds."""
    params = folder / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(rewritten(text, {"train.lr": lr}), encoding="utf-8")
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "dvc", "repro", "train"], cwd=folder, check=True, capture_output=True)
    seconds = time.perf_counter() - start
    params.write_text(text, encoding="utf-8")
    return seconds


def main() -> None:
    path = HERE / "results.json"
    with tempfile.TemporaryDirectory() as temporary:
        results = json.loads(path.read_text(encoding="utf-8")) if "--times" in sys.argv else searches(Path(temporary))
        results |= {"cores": cores()} | times(Path(temporary))
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
