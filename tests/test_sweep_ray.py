"""A search on two Ray nodes that have folders of their own, one of which is killed: the results of one machine."""

import os
import subprocess
import sys
import time

import pytest

from strata.base.errors import StrataError
from strata.settings.yaml_loader import read_yaml
from tests.conftest import reviews, write_csv
from tests.test_repro import ENV, change, clone, commit, origin, run  # noqa: F401, origin is a fixture
from tests.test_sweep import RECIPE

SWEEP = """
search:
  train.lr: {low: 5.0e-4, high: 1.0e-2, log: true}
  train.batch_size: [8, 16]
metric: loss
direction: minimize
sampler: random
trials: 2
pruner: none
round: 2
seed: 1
"""
THREADS = 1  # of a trial, here and on the nodes
STRATA, DVC = [sys.executable, "-m", "strata"], [sys.executable, "-m", "dvc"]


@pytest.fixture
def project(origin, tmp_path):  # noqa: F811
    """A clone with a sweep, data that DVC tracks, a remote, and a setting that is not committed."""
    folder = clone(origin, tmp_path / "strata")
    write_csv(folder / "data/raw/mine/r.csv", reviews(120))
    (folder / "recipes/mine.yaml").write_text(RECIPE, encoding="utf-8")
    (folder / "sweeps/small.yaml").write_text(SWEEP, encoding="utf-8")
    change(folder, "params.yaml", recipe="mine", train={"epochs": 2})
    (tmp_path / "remote").mkdir()
    run(folder, *DVC, "remote", "add", "--quiet", "--default", "store", str(tmp_path / "remote"))
    run(folder, *DVC, "add", "--quiet", "data/raw/mine")
    commit(folder, "Mine")
    change(folder, "params.yaml", train={"weight_decay": 0.02})
    return folder


@pytest.fixture
def nodes(tmp_path):
    """A cluster of two nodes with a core each, beside one that runs no trial. Yields: the cluster, the two nodes."""
    ray_cluster = pytest.importorskip("ray.cluster_utils", reason="needs requirements-ray.txt")
    before = dict(os.environ)
    os.environ |= {"RAY_worker_niceness": "0", "PYTHONPATH": ""}
    cluster = ray_cluster.Cluster()
    try:
        cluster.add_node(num_cpus=0, include_dashboard=False, object_store_memory=100 * 2**20)
        of_trials = []
        for name in ("one", "two"):
            own = {"TMPDIR": str(tmp_path / name), "HOME": str(tmp_path / name)}
            (tmp_path / name).mkdir()
            of_trials.append(cluster.add_node(num_cpus=THREADS, env_vars=own, object_store_memory=100 * 2**20))
        yield cluster, of_trials
    finally:
        cluster.shutdown()
        os.environ.clear()
        os.environ.update(before)


def on_ray(cluster):
    return [*STRATA, "sweep", "small", "--jobs", "2", "--on", "ray", "--address", cluster.address]


def found(folder):
    """The results of a sweep and the validation rows of its trials, byte by byte."""
    paths = [*(folder / "plots/sweep/small").iterdir(), *(folder / "data/sweep/small/rows").iterdir()]
    return {path.name: path.read_bytes() for path in paths}


def read(log):
    try:
        return log.read_text(encoding="utf-8")
    except FileNotFoundError:  # its trial has just ended
        return ""


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_finds_what_one_machine_finds(project, nodes, tmp_path):
    cluster, (_, two) = nodes
    here = clone(project, tmp_path / "here")
    change(here, "params.yaml", train={"weight_decay": 0.02})
    run(here, *DVC, "remote", "modify", "store", "url", str(tmp_path / "remote"))
    write_csv(here / "data/raw/mine/r.csv", reviews(120))
    alone = run(here, *STRATA, "sweep", "small", "--jobs", str(len(os.sched_getaffinity(0)) // THREADS))

    logs = "strata-sweep-*/trials/*.logs/*.log"  # of the trial on a node
    with subprocess.Popen(on_ray(cluster), cwd=project, env=ENV, stdout=subprocess.PIPE, text=True) as search:
        while search.poll() is None and not any("train: step" in read(log) for log in (tmp_path / "two").glob(logs)):
            time.sleep(0.05)
        cluster.remove_node(two, allow_graceful=False)
        told = search.stdout.read()
    assert search.returncode == 0, told
    assert told.count("was lost; the trial restarts when one is free") == 1, told
    assert told.splitlines()[-1] == alone.splitlines()[-1]
    assert found(project) == found(here)

    best = next(line for line in told.splitlines() if line.startswith("sweep: best: ")).split()[2].rstrip(",")
    run(project, *DVC, "exp", "apply", best, fails=True)  # DVC applies it, and misses the outputs
    run(project, *DVC, "pull", "--quiet", "models/train")
    assert (project / "models/train/model.safetensors").is_file()
    assert read_yaml(project / "params.yaml")["train"]["weight_decay"] == 0.02
    leftovers = [path for name in ("one",) for path in (tmp_path / name).glob("strata-sweep-*/trials/*")]
    assert not leftovers


@pytest.mark.slow
def test_what_cannot_reach_a_node_is_told_before_anything_runs(project):
    from strata.settings.sweep_reader import read_sweep
    from strata.sweeping.copied_project import pack

    def told():
        sweep = read_sweep(project / "sweeps/small.yaml")
        with pytest.raises(StrataError) as error:
            pack(project, sweep, read_yaml(project / "params.yaml"), project / ".dvc/tmp/base")
        return str(error.value)

    write_csv(project / "data/raw/mine/r.csv", reviews(100))
    assert told() == (
        "data/raw/mine has changed since dvc add, and other machines would get the old data; run dvc add data/raw/mine"
    )
    run(project, "git", "rm", "--quiet", "data/raw/mine.dvc")
    assert told().startswith("data/raw/mine/r.csv cannot reach other machines, since neither Git nor DVC tracks it")
    assert told().endswith("; run dvc add data/raw/mine")
    run(project, *DVC, "remote", "remove", "store")
    assert told().endswith("add a place that all of them reach: dvc remote add --default NAME ADDRESS")


@pytest.mark.slow
def test_a_copy_of_the_project_has_its_commit_changes_and_data(project, tmp_path):
    from strata.settings.sweep_reader import read_sweep
    from strata.sweeping.copied_project import copied_project, pack

    sweep = read_sweep(project / "sweeps/small.yaml")
    (project / "recipes/new.yaml").write_text(RECIPE, encoding="utf-8")
    base = pack(project, sweep, read_yaml(project / "params.yaml"), project / ".dvc/tmp/base")
    copy = copied_project(base, tmp_path / "node")
    assert run(copy, "git", "rev-parse", "HEAD") == run(project, "git", "rev-parse", "HEAD")
    for path in ("params.yaml", "recipes/new.yaml", "data/raw/mine/r.csv"):
        assert (copy / path).read_bytes() == (project / path).read_bytes()
    assert copied_project(base, tmp_path / "node") == copy
    assert not (project / ".dvc/tmp/base").exists()


@pytest.mark.parametrize(
    ("nodes", "jobs", "room"),
    [
        ([(8, 0), (8, 0)], 2, (8, 0, 2)),
        ([(8, 0), (8, 0)], 3, (4, 0, 3)),  # no trial is on two nodes
        ([(8, 0), (4, 0)], 3, (4, 0, 3)),
        ([(2, 0)], 5, (1, 0, 2)),
        ([(16, 4), (16, 0)], 4, (4, 1, 4)),  # a node without a GPU runs none where others have one
        ([(16, 2)], 4, (1, 1, 2)),
    ],
)
def test_a_trial_has_as_many_threads_as_leave_room_for_the_others(nodes, jobs, room):
    pytest.importorskip("ray", reason="needs requirements-ray.txt")
    from strata.sweeping.on_ray import room_for

    assert room_for(nodes, jobs) == room
