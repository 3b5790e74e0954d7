"""Training on a GPU; `python -m benchmarks.gpu` does the same with real rows."""

import pytest
import torch

from tests.test_snapshot import end_at, train
from tests.test_train import copy, weights  # noqa: F401, the fixture of that name

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that CUDA can use"),
]


def test_a_deterministic_run_repeats_and_resumes_in_the_same_bytes(copy):  # noqa: F811
    copy.params(snapshots={"steps": 4}, train={"deterministic": True, "precision": "auto"})
    train(copy)
    first = weights(copy)
    train(copy)
    assert weights(copy) == first
    train(copy, end_at("run.Run.step", 11), fails=True)
    assert "resumes after step 8" in train(copy)
    assert weights(copy) == first


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_texts_of_one_token_give_no_nan(copy, precision):  # noqa: F811
    if precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip("this GPU has no bf16")
    copy.params(train={"precision": precision})
    one_token = """
import numpy as np
from strata.model import tokens
read = tokens.read_tokens
def read_tokens(folder):
    rows = read(folder)
    return rows._replace(input_ids=[ids[:1] if i % 5 == 0 else ids for i, ids in enumerate(rows.input_ids)])
tokens.read_tokens = read_tokens"""
    assert f"steps in {precision}" in train(copy, one_token)


def test_more_processes_than_gpus_are_refused_in_one_line(copy):  # noqa: F811
    processes = torch.cuda.device_count() + 1
    copy.params(train={"processes": processes})
    output = train(copy, fails=True).strip()
    assert f"train.processes is {processes}, more than the GPUs of this machine" in output.splitlines()[-1]
