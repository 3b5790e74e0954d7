"""Training rows per second on a GPU: a Trainer with several flags, and the stage train."""

import gc
import itertools
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, TrainerCallback

from stages.train.plan import plan
from strata.base.files import write_json
from strata.settings.params import Params
from strata.settings.reader import read_settings
from strata.settings.yaml_loader import read_yaml

from ..train import notebook
from ..train import strata as stage

REPEATS = 3
WARM_UP, STEPS = 5, 55  # STEPS are measured: about a pool of sorted batches, so that all lengths have their share
STEPS_PADDED = 15  # all of its batches are alike
WARM_UP_COMPILED = {"warm_up": 25}  # each new kind of shape is compiled when it first comes
ATTENTION = "flash_attention_2"  # drops the padding inside attention

Speed = tuple[float, float]
"""Rows per second, and peak memory of the GPU in GB."""


class Laps(TrainerCallback):
    """Notes the time at two steps, when the GPU has done its work."""

    def __init__(self, first: int, last: int):
        self.steps, self.times = (first, last), []

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step in self.steps:
            torch.cuda.synchronize()
            self.times.append(time.perf_counter())


def trainer(
    root: Path,
    settings: Params,
    padding: str,
    warm_up: int,
    steps: int,
    attention: str | None = None,
    has_cudnn: bool = False,
    **flags: object,
) -> Speed:
    torch.backends.cuda.enable_cudnn_sdp(has_cudnn)
    laps = Laps(warm_up, warm_up + steps)
    run = notebook.prepare(root, padding, warm_up + steps, laps, **flags)
    if attention:
        run.model.set_attn_implementation(attention)
    run.train()
    return settings.train.batch_size * steps / (laps.times[1] - laps.times[0]), torch.cuda.max_memory_allocated() / 1e9


def strata(root: Path, settings: Params, warm_up: int, steps: int, attention: str | None = None, **flags) -> Speed:
    settings = settings.model_copy(update={"train": settings.train.model_copy(update=flags)})
    training = stage.prepare(root, settings)
    if attention:
        training.run.model.set_attn_implementation(attention)
    lengths = training.splits["train"].lengths
    batches = itertools.cycle(plan(lengths, settings.seed, settings.train, training.run.device.type).batches)
    batches = itertools.islice(batches, warm_up + steps)
    planned = stage.at_one_rate(batches, settings.train.lr / 100)
    for done, _ in enumerate(stage.steps(training, settings, planned), 1):
        if done == warm_up:
            torch.cuda.synchronize()
            start = time.perf_counter()
    torch.cuda.synchronize()
    return settings.train.batch_size * steps / (time.perf_counter() - start), torch.cuda.max_memory_allocated() / 1e9


Arms = dict[str, tuple[Callable[..., Speed], dict]]
PLAIN = {"warm_up": WARM_UP, "steps": STEPS}

ARMS: Arms = {
    "trainer_padded_to_512": (trainer, {"padding": "512", "warm_up": WARM_UP, "steps": STEPS_PADDED}),
    "trainer_dynamic": (trainer, {"padding": "dynamic"} | PLAIN),
    "trainer_bf16_by_length": (trainer, {"padding": "fair", "has_cudnn": True} | PLAIN),
    # cuDNN's attention is slow where a length is new, see strata/training/process_group.py
    "trainer_bf16_by_length_without_cudnn": (trainer, {"padding": "fair"} | PLAIN),
    "trainer_unpadded": (trainer, {"padding": "fair", "attention": ATTENTION} | PLAIN),
    "strata": (strata, PLAIN),
    "strata_unpadded": (strata, {"attention": ATTENTION} | PLAIN),
}
COMPILED: Arms = {  # each compiles for a minute or more, so that they run once
    "trainer_compiled": (trainer, {"padding": "fair", "torch_compile": True} | PLAIN | WARM_UP_COMPILED),
    "strata_compiled": (strata, {"compile": True} | PLAIN | WARM_UP_COMPILED),
}


def use_base_model(project: Path) -> None:
    """Let a project start from a model of BERT-base's size with random weights: a small one leaves a GPU idle."""
    tokenizer = json.loads((project / "data/tokenize/tokenizer/tokenizer.json").read_text(encoding="utf-8"))
    BertModel(BertConfig(vocab_size=len(tokenizer["model"]["vocab"]))).save_pretrained(project / "base")
    params = read_yaml(project / "params.yaml")
    params["model"] |= {"checkpoint": str(project / "base"), "revision": None, "sha256": None}
    write_json(project / "params.yaml", params)


def speeds(project: Path, arms: Arms, repeats: int) -> tuple[dict[str, list[Speed]], dict[str, str]]:
    """Run all arms in turn. Return what each repeat measured, and why an arm is missing."""
    settings, _ = read_settings(project / "params.yaml", project / "recipes")
    measured: dict[str, list[Speed]] = {arm: [] for arm in arms}
    missing = {}
    for _ in range(repeats):
        for arm, (run, options) in arms.items():
            if arm in missing:
                continue
            torch.cuda.reset_peak_memory_stats()
            try:
                measured[arm].append(run(project, settings, **options))
            except (ImportError, RuntimeError, ValueError) as error:  # a package or a kernel that is not there
                missing[arm] = str(error).strip().splitlines()[0][:200]
            gc.collect()
            torch.cuda.empty_cache()
            torch.compiler.reset()
            print("gpu:", arm, measured[arm][-1:], missing.get(arm, ""), flush=True)
    return {arm: values for arm, values in measured.items() if arm not in missing}, missing


def summary(measured: dict[str, list[Speed]], missing: dict[str, str]) -> dict:
    """Return medians, each repeat, ratios to the fastest Trainer, memory, and why an arm is missing."""
    medians = {arm: statistics.median(speed for speed, _ in values) for arm, values in measured.items()}
    best = max(median for arm, median in medians.items() if arm.startswith("trainer"))
    return {
        "rows_a_second": {arm: round(median, 1) for arm, median in medians.items()},
        "each_repeat": {arm: [round(speed, 1) for speed, _ in values] for arm, values in measured.items()},
        "times_the_fastest_trainer": {arm: round(median / best, 2) for arm, median in medians.items()},
        "peak_memory_gb": {arm: round(max(gb for _, gb in values), 2) for arm, values in measured.items()},
        "missing": missing,
    }
