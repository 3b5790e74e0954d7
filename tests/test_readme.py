"""The README says what the repository holds."""

import itertools
import json
import re

import pytest

from tests.conftest import DVC, ROOT, STAGES

README = (ROOT / "README.md").read_text(encoding="utf-8")


def metrics(stage: str) -> dict:
    return json.loads((ROOT / f"metrics/{stage}.json").read_text(encoding="utf-8"))


def interval(scores: dict) -> str:
    ends = scores["interval"]["accuracy"]
    return f"{scores['accuracy']:.3f} ({ends['low']:.3f} to {ends['high']:.3f})"


def row(name: str, scores: dict, size: str) -> str:
    others = " | ".join(f"{scores[metric]:.3f}" for metric in ("f1_macro", "roc_auc", "mcc", "brier", "ece"))
    return f"| {name} | {interval(scores)} | {others} | {size} |"


def test_the_result_table_holds_the_recorded_metrics():
    quantized = metrics("quantize")
    expected = [
        row("majority class", metrics("baseline")["majority"], ""),
        row("TF-IDF, logistic regression", metrics("baseline")["tfidf"], ""),
        row("fine-tuned, fp32", metrics("evaluate"), f"{quantized['fp32_size_mb']} MB"),
        row("fine-tuned, int8", quantized, f"{quantized['size_mb']} MB"),
    ]
    missing = [line for line in expected if line not in README]
    assert not missing, "\n".join(missing)


def recipe_row(recipe: str, result: dict) -> str:
    rows = f"{sum(result['rows'].values()):,} of {result['rows_read']:,}"
    scores = [interval(result[model]) for model in ("majority", "tfidf", "fine_tuned", "int8")]
    ranking = [f"{result[model]['roc_auc']:.3f}" for model in ("tfidf", "fine_tuned")]
    return "| " + " | ".join([f"`{recipe}`", rows, *scores, *ranking]) + " |"


def test_the_table_of_recipes_holds_the_recorded_runs():
    results = json.loads((ROOT / "benchmarks/recipes/results.json").read_text(encoding="utf-8"))
    missing = [line for line in itertools.starmap(recipe_row, results.items()) if line not in README]
    assert not missing, "\n".join(missing)
    shipped = {path.stem for path in (ROOT / "recipes").glob("*.yaml")} - {"template"}
    assert shipped - set(results) == {"imdb_spoilers"}  # its data are the user's own download


def test_the_default_recipe_scores_alike_in_both_tables():
    results = json.loads((ROOT / "benchmarks/recipes/results.json").read_text(encoding="utf-8"))
    recorded, found = results["rotten_tomatoes"]["fine_tuned"], metrics("evaluate")
    ends = recorded.pop("interval")["accuracy"]
    assert recorded == {name: round(found[name], 4) for name in recorded}
    assert ends == {end: round(found["interval"]["accuracy"][end], 4) for end in ends}
    small = results["rotten_tomatoes"]["int8"]
    assert small["accuracy"] == round(metrics("quantize")["accuracy"], 4)


def test_the_speed_of_reading_is_that_of_the_benchmark():
    result = json.loads((ROOT / "benchmarks/ingest/results.json").read_text(encoding="utf-8"))
    pandas, strata, larger = (result[key] for key in ("pandas", "strata", "strata_on_four_times_the_rows"))
    sentence = (
        f"on {result['rows']:,} generated rows ({result['file_mb']} MB): {strata['s']:.0f} s against "
        f"{pandas['s']:.0f} s, {strata['gb']} GB of memory against {pandas['gb']} GB, and {larger['gb']} GB on four "
        "times the rows"
    )
    assert sentence in " ".join(README.split())


def made(stage: str) -> list[str]:
    """The paths that a stage lists under outs, then under metrics."""
    listed = [entry for kind in ("outs", "metrics") for entry in DVC["stages"][stage].get(kind, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in listed]


def test_the_table_of_stages_is_that_of_dvc_yaml():
    rows = [row for row in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", README, re.MULTILINE) if row[0] in STAGES]
    written = {stage: [p for p in made(stage) if not p.startswith("plots/")] for stage in STAGES}
    assert rows == [
        (stage, DVC["stages"][stage]["desc"], ", ".join(f"`{path}`" for path in written[stage])) for stage in STAGES
    ]


def test_the_picture_of_the_dag_has_the_edges_of_dvc_yaml():
    maker = {path: stage for stage in STAGES for path in made(stage) if not path.startswith(("metrics/", "plots/"))}
    edges = {
        (maker[folder], stage)
        for stage in STAGES
        for path in DVC["stages"][stage]["deps"]
        for folder in maker
        # labels.json and special_tokens.json, which later stages read, would hide the flow of the rows
        if (path == folder or path.startswith(f"{folder}/")) and not path.endswith(".json")
    }
    drawn = set()
    for line in re.search(r"```mermaid\n(.*?)```", README, re.DOTALL)[1].splitlines()[1:]:
        chain = [name.strip() for name in line.split("-->")]
        drawn |= set(itertools.pairwise(chain))
    # report reads the metrics of every stage, for which the last one's edge stands
    assert drawn == edges | {("quantize", "report")}


@pytest.mark.parametrize("target", ["repro", "test", "install", "lint", "help"])
def test_the_makefile_has_the_targets_that_people_type(target):
    assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_copies_and_the_cost_of_finding_them_are_those_recorded():
    copies = json.loads((ROOT / "benchmarks/recipes/results.json").read_text(encoding="utf-8"))["imdb"]["copies"]
    split = json.loads((ROOT / "benchmarks/split/results.json").read_text(encoding="utf-8"))
    text = " ".join(README.split())
    assert (
        f"{copies['rows_in_clusters']:,} are copies or near-copies of another, in {copies['clusters']:,} clusters; "
        f"{copies['rows_that_copy_an_earlier_one']:,} rows repeat an earlier one"
    ) in text
    cost = f"takes {split['strata']['s']:.0f} s and {split['strata']['gb']} GB"
    assert f"{split['rows']:,} rows of {split['characters_a_row']:,} characters that {cost}" in text


def tainted_rows(recipe: str, result: dict) -> list[str]:
    lines = []
    for model, name in (("tfidf", "TF-IDF"), ("fine_tuned", "fine-tuned")):
        cells = []
        for metric in ("balanced_accuracy", "roc_auc"):
            found = result["scores"][model][metric]
            cells += [f"{found['honest']:.3f}", f"{found['tainted']:.3f}"]
            cells.append(f"{found['inflation_points']:+.1f} ({found['low']:+.1f} to {found['high']:+.1f})")
        lines.append("| " + " | ".join([f"`{recipe}`, {name}", *cells]) + " |")
    return lines


def test_the_price_of_balancing_before_splitting_is_that_of_the_benchmark():
    results = json.loads((ROOT / "benchmarks/tainted/results.json").read_text(encoding="utf-8"))
    assert set(results) == {"office", "rotten_tomatoes"}
    missing = [
        line for recipe, result in results.items() for line in tainted_rows(recipe, result) if line not in README
    ]
    assert not missing, "\n".join(missing)
    seen = {recipe: f"{result['share_of_tainted_test_rows_in_training']:.0%}" for recipe, result in results.items()}
    puts = f"puts {seen['office']} of `office`'s and {seen['rotten_tomatoes']} of `rotten_tomatoes`' test rows into"
    assert puts in " ".join(README.split())


def test_what_calibration_mends_is_that_of_the_benchmark():
    found = json.loads((ROOT / "benchmarks/calibration/results.json").read_text(encoding="utf-8"))["calibration"]
    sentence = f"on test rows from {found['before']['ece']:.3f} to {found['after']['ece']:.3f} (`python -m benchmarks"
    assert sentence in " ".join(README.split())
    assert found["after"]["ece"] <= found["before"]["ece"] / 3


def test_the_speed_of_training_is_that_of_the_benchmark():
    result = json.loads((ROOT / "benchmarks/train/results.json").read_text(encoding="utf-8"))
    speed, times = result["rows_a_second"], result["times_faster_than"]
    dynamic, short, long = (f"{times[f'trainer_{padding}']:.1f}" for padding in ("dynamic", "128", "512"))
    sentence = (
        f"On {result['cores']} cores that is {speed['strata']:.0f} rows a second: {dynamic} times as many as a plain "
        f"Trainer in fp32 that pads each batch to its longest text, {short} times one that pads to 128 tokens, {long} "
        f"times one that pads to 512, and {result['share_of_peak']:.0%} of what bf16 matrix products reach at their "
        "best (`python -m benchmarks.train`)."
    )
    assert sentence in " ".join(README.split())


ARMS = {
    "notebook": "PyTorch fp32, padded to 128",
    "torch_fp32": "PyTorch fp32, batches by length",
    "torch_fp32_larger_batches": "the same, twice as large",
    "torch_bf16": "PyTorch bf16, batches by length",
    "torch_bf16_larger_batches": "the same, twice as large",
    "onnx_fp32": "ONNX Runtime fp32, the predictor",
    "int8_batches": "ONNX Runtime int8, batches of 16",
    "openvino": "OpenVINO, the fp32 file in bf16",
    "int8": "**ONNX Runtime int8, the predictor**",
}


def test_the_speed_of_inference_is_that_of_the_benchmark():
    result = json.loads((ROOT / "benchmarks/inference/results.json").read_text(encoding="utf-8"))
    missing = []
    for arm, name in ARMS.items():
        found = result["arms"][arm]
        times = [result[f"int8_{kind}_as"].get(arm) for kind in ("times_as_many_rows", "single_times_as_fast")]
        cells = [f"{time:.1f}" if time else "" for time in times]
        figures = [f"{found['rows_a_second']:,.0f}", cells[0], f"{found['single_ms']:.1f}", cells[1]]
        line = (
            "| "
            + " | ".join([name, *figures, f"{found['accuracy']:.3f}", f"{found['agreement_with_fp32']:.1%}"])
            + " |"
        )
        missing += [line] if line not in README else []
    assert not missing, "\n".join(missing)
    share = result["share_of_int8_labels_that_differ_in_batches"]
    assert f"in batches of 16, {share:.1%} of the labels come out otherwise than alone" in " ".join(README.split())
    start = result["start"]
    said = f"imports in {start['import_s']:.1f} s, and a cold process has its first prediction after"
    assert f"{said} {start['first_prediction_s']:.1f} s" in " ".join(README.split())
    assert (result["texts"], result["cores"], result["repeats"]) == (1706, 2, 5)


def test_what_the_gate_says_of_a_sabotaged_model_is_that_of_the_benchmark():
    results = json.loads((ROOT / "benchmarks/gate/results.json").read_text(encoding="utf-8"))
    assert all(f"\n    {line}\n" in README for line in results["layer"]["said"])
    assert "loss of recall of label " in results["layer"]["said"][0]
    assert list(results["good"]["tried"]) == ["per_channel"]
