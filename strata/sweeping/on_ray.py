"""Runs the trials of a sweep on the nodes of a Ray cluster.

A trial is a Ray actor on one node. It makes a workspace from the node's copy of the project, as one machine does from
the project itself. Back come its scores on the way, its validation rows, and its experiments as Git bundles; the
experiments' outputs go to DVC's remote. What is drawn and what is stopped is decided here.
"""

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from strata.base.errors import StrataError
from strata.ray_cluster import connect
from strata.settings.overrides import Overrides
from strata.settings.sweep import Sweep
from strata.sweeping import trial as one_trial
from strata.sweeping.copied_project import Base, bundled, connect_workspace, copied_project, dvc, pack, unbundle
from strata.sweeping.experiment import TARGET
from strata.sweeping.rounds import Runner
from strata.sweeping.trial import Pruned, Report, Scored
from strata.sweeping.workspace import Workspace

TRIES = 3  # of a trial whose node dies
NOTICE_SECONDS = 30.0  # until Ray has noticed that a node is dead, and starts nothing there any more
SECONDS = 0.5  # from one look at a trial's scores to the next
GRACE_SECONDS = 10.0  # for a trial to end and to remove its workspace, before its process is killed


class Cluster:
    """The nodes that are there when a sweep starts, each with a copy of the project.

    params: the content of params.yaml when the search began. place: of a temporary clone. jobs: trials side by side, as
    many as are asked for or fit.
    Raises: StrataError when there is no cluster, or a node cannot run a trial.
    """

    def __init__(self, address: str, project: Path, sweep: Sweep, params: dict[str, Any], place: Path, jobs: int):
        self.project = project
        base = pack(project, sweep, params, place)
        connect(address)
        nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        resources = [(node["Resources"]["CPU"], node["Resources"].get("GPU", 0)) for node in nodes]
        self.threads, self.gpus, self.jobs = room_for(resources, jobs)
        self.base = ray.put(base)
        prepare(self.base, nodes)
        self.trials: set[ActorHandle] = set()
        self.is_ended = threading.Event()

    def runner(self, sweep: Sweep, logs: Path) -> Runner:
        """Return what runs a trial on a node that is free. logs: folder for what trials print."""
        logs.mkdir(parents=True, exist_ok=True)

        def run(name: str, overrides: Overrides, report: Report) -> Scored:
            for _ in range(TRIES):
                trial = NodeTrial.options(num_cpus=self.threads, num_gpus=self.gpus).remote()
                self.trials.add(trial)
                try:
                    result = trial.run.remote(self.base, name, overrides, sweep.folds, sweep.metric, self.threads)
                    return self._result(trial, result, name, report, logs)
                except (RayActorError, ObjectLostError, NodeDiedError):
                    if self.is_ended.is_set():
                        raise StrataError("interrupted") from None
                    print(f"sweep: the node running {name} was lost; the trial restarts when one is free", flush=True)
                    if self.is_ended.wait(NOTICE_SECONDS):
                        raise StrataError("interrupted") from None
                except RayError as error:  # such as a full disk, or memory, on the node
                    raise StrataError(f"its node failed ({str(error).strip().splitlines()[-1]})") from None
                finally:
                    self.trials.discard(trial)
                    ray.kill(trial)
            raise StrataError(f"the node it ran on was lost {TRIES} times")

        return run

    def _result(self, trial: ActorHandle, result: ray.ObjectRef, name: str, report: Report, logs: Path) -> Scored:
        """Pass on what a trial says until it has ended. Returns: what it found. Raises: StrataError, Pruned."""
        has_ended, is_pruned = False, False
        while not (has_ended or is_pruned):
            has_ended = bool(ray.wait([result], timeout=SECONDS)[0])
            for message in ray.get(trial.messages.remote()):
                if isinstance(message, bytes):
                    self._take(message)
                elif isinstance(message, str):
                    print(f"sweep: {name}: {message}", flush=True)
                elif report(*message):
                    is_pruned = True
                    ray.get(trial.end.remote())
                    break
        found, contents = ray.get(result)
        for file, content in contents.items():
            (logs / file).write_bytes(content)
        if is_pruned:
            raise Pruned
        if isinstance(found, StrataError):
            raise found
        return found

    def _take(self, bundle: bytes) -> None:
        with tempfile.NamedTemporaryFile(suffix=".bundle") as file:
            file.write(bundle)
            file.flush()
            unbundle(self.project, Path(file.name))

    def end_trials(self) -> None:
        """End the trials that run, and start no others."""
        self.is_ended.set()
        trials = list(self.trials)
        if trials:
            ray.wait([trial.end.remote() for trial in trials], num_returns=len(trials), timeout=GRACE_SECONDS)
        for trial in trials:
            ray.kill(trial)


def room_for(nodes: list[tuple[float, float]], jobs: int) -> tuple[int, int, int]:
    """Return the threads of a trial, its GPUs, and how many trials run side by side: `jobs`, or as many as fit.

    nodes: CPUs and GPUs of each. A trial runs on one node. It has as many threads as leave room for `jobs` trials; and
    one GPU, if any node has one.
    """
    gpus = int(any(gpu >= 1 for _, gpu in nodes))

    def room(threads: int) -> int:
        return sum(min(int(cpu) // threads, int(gpu) if gpus else int(cpu)) for cpu, gpu in nodes)

    if not (nodes and room(1)):
        raise StrataError("no node of the Ray cluster has a CPU for a trial; ray status shows what they have")
    most = int(max(cpu for cpu, _ in nodes))
    threads = next((count for count in range(most, 0, -1) if room(count) >= jobs), 1)
    return threads, gpus, min(jobs, room(1))


def prepare(base: ray.ObjectRef, nodes: list[dict]) -> None:
    """Make the copies of the project on all nodes, side by side. Raises: StrataError that names a node that cannot."""
    strategies = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in nodes]
    answers = [prepare_node.options(scheduling_strategy=strategy).remote(base) for strategy in strategies]
    for node, answer in zip(nodes, answers, strict=True):
        try:
            reason = ray.get(answer)
        except RayError as error:
            reason = str(error).strip().splitlines()[-1]
        if reason:
            raise StrataError(f"the Ray node {node['NodeManagerHostname']} cannot run trials ({reason})")


@ray.remote(num_cpus=0, max_retries=0)
def prepare_node(base: Base) -> str | None:
    """Make this node's copy of the project. Returns: why that fails, None if it does not."""
    try:
        copied_project(base, node_folder())
    except StrataError as error:
        return str(error)
    return None


def node_folder() -> Path:
    """Return this node's folder for copies of projects, DVC's cache and workspaces."""
    return Path(tempfile.gettempdir()) / f"strata-sweep-{os.getuid()}"


@ray.remote(max_concurrency=3)
class NodeTrial:
    """One trial on a node."""

    def __init__(self):
        self.waiting: list[tuple[int, float] | bytes | str] = []  # scores, bundles of experiments, warnings
        self.workspace: Workspace | None = None
        self.has_ended = threading.Event()

    def run(
        self, base: Base, name: str, overrides: Overrides, folds: int | None, metric: str, threads: int
    ) -> tuple[Scored | StrataError, dict[str, bytes]]:
        """Return what the trial found, or why it failed, and its logs by their file names."""
        place = node_folder() / "trials" / f"{base.identity}-{name}"
        logs = place.with_name(f"{place.name}.logs")
        logs.mkdir(parents=True, exist_ok=True)
        try:
            project = copied_project(base, node_folder())
            self.workspace = Workspace(place, project, base.recipes)
            connect_workspace(self.workspace, base)
            log = logs / f"{name}.log"
            share = {"OMP_NUM_THREADS": str(threads)}  # Ray has named the GPU in CUDA_VISIBLE_DEVICES
            result = one_trial.run(
                self.workspace, name, overrides, folds, metric, self._report, self._hand_over, log, share
            )
        except StrataError as error:
            result = error
        contents = {path.name: path.read_bytes() for path in sorted(logs.iterdir())}
        for folder in (logs, place):
            shutil.rmtree(folder, ignore_errors=True)
        self.has_ended.set()
        return result, contents

    def _report(self, share: int, value: float) -> bool:
        self.waiting.append((share, value))
        return False  # whoever takes the messages ends a trial

    def _hand_over(self, experiment: str) -> None:
        self.waiting.append(bundled(self.workspace, experiment))
        try:
            dvc(self.workspace.folder, "push", "--with-deps", TARGET)
        except StrataError as error:
            self.waiting.append(f"its score counts, but its outputs are not in the remote ({error})")

    def messages(self) -> list[tuple[int, float] | bytes | str]:
        """Return what came since the last call, in order."""
        count = len(self.waiting)
        taken = self.waiting[:count]
        del self.waiting[:count]
        return taken

    def end(self) -> None:
        """End the trial's processes, and wait until it has removed its workspace."""
        while not self.has_ended.wait(SECONDS):
            if self.workspace is not None:
                self.workspace.end_process()
