"""The run that the last commit records is one of the pipeline that it holds."""

import json

import pytest

from strata.base.files import rounded
from strata.settings.yaml_loader import parse_yaml
from tests.conftest import DVC, STAGES, committed, in_head

LOCK = parse_yaml(committed("dvc.lock"))["stages"]
RECIPE = parse_yaml(committed("params.yaml"))["recipe"]


@pytest.mark.parametrize("stage", STAGES)
def test_the_recorded_run_has_the_inputs_and_outputs_of_dvc_yaml(stage):
    for kind in ("deps", "outs"):
        kinds = ("outs", "metrics", "plots") if kind == "outs" else ("deps",)
        entries = [entry for name in kinds for entry in DVC["stages"][stage].get(name, [])]
        paths = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
        recorded = [entry["path"] for entry in LOCK[stage][kind]]
        assert sorted(recorded) == sorted(path.replace("${recipe}", RECIPE) for path in paths)


def test_recorded_metrics_have_six_significant_digits():
    paths = [path for path in in_head() if path.startswith("metrics/")]
    assert len(paths) == len(STAGES) - 1
    for path in paths:
        metrics = json.loads(committed(path))
        assert rounded(metrics) == metrics, path
