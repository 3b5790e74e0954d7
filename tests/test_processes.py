"""Workers return their results in order, and end with the process that started them."""

import os
import select
import subprocess
import sys

import pytest

from strata.base import processes
from tests.conftest import ROOT


def test_results_come_in_the_order_of_the_jobs(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    assert list(processes.in_order(divmod, ((i, 3) for i in range(7)), 7)) == [divmod(i, 3) for i in range(7)]


JOB = """
import os, sys
from strata.base import processes

os.sched_getaffinity = lambda _: {0, 1}
if __name__ == "__main__":
    for pid in processes.in_order(os.getpid, [(), ()], 2):
        print(pid, flush=True)
        sys.stdin.read()
"""


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path):
    (tmp_path / "job.py").write_text(JOB)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, tmp_path / "job.py"], env=environment, **pipes) as parent:
        worker = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    ended, _, _ = select.select([worker], [], [], 30)
    assert ended
