"""Load the recorded models in old and new ONNX Runtimes, in onnxruntime-web and in transformers.js.

    python -m benchmarks.runtimes    # after dvc repro and make test, which installs Node's packages; five minutes

Each ONNX Runtime gets an environment of its own. Labels of the first ROWS test rows are compared with those of the
pinned ONNX Runtime. Writes benchmarks/runtimes/results.json.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import pandas as pd

from strata.model.tokens import read_tokens
from strata.runtime.predictor import Predictor

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
MODELS = {
    name: ROOT / f"models/quantize/onnx/{file}.onnx" for name, file in (("fp32", "model"), ("int8", "model_quantized"))
}
VERSIONS = ["1.17.3", "1.20.1", "1.22.1", "1.26.0", None]  # None: the newest
ROWS = 500
NODE = ROOT / "tests/node"


def answer_of(command: list[str | Path], rows: list, **options) -> dict:
    """Run a command on rows. Return what it prints as its last line, or the last line of its error."""
    done = subprocess.run(command, input=json.dumps(rows), capture_output=True, text=True, check=False, **options)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no output"])[-1][:300]}
    return json.loads(done.stdout.splitlines()[-1])


def python_with(version: str | None, folder: Path) -> Path:
    """Make an environment with an ONNX Runtime. Return its python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    # ONNX Runtime before 1.19 was built for NumPy 1
    packages = ["onnxruntime", "numpy"] if version is None else [f"onnxruntime=={version}", "numpy<2"]
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    subprocess.run(command, check=True)
    return python


def compared(answers: dict[str, dict], expected: dict[str, list]) -> dict:
    """Return, for each model, whether it was loaded, and how many labels differ. answers, expected: by model."""
    result = {}
    for model, answer in answers.items():
        if "error" in answer:
            result[model] = answer
        else:
            differ = sum(one != other for one, other in zip(answer["labels"], expected[model], strict=True))
            result |= {"version": answer["version"]} if "version" in answer else {}
            result[model] = {"labels_that_differ": differ}
    return result


def transformers_js(expected_of: Predictor) -> dict:
    """Return the same for transformers.js, which reads texts and loads the int8 model."""
    texts = pd.read_parquet(ROOT / "data/split/test.parquet")["text"].head(ROWS).tolist()
    answer = answer_of(["node", "classify.mjs", ROOT / "models/quantize"], texts, cwd=NODE)
    expected = {"int8": [answer["label"] for answer in expected_of(texts)]}
    if not isinstance(answer, dict):
        answer = {"labels": [line["label"] for line in answer]}
    lock = json.loads((NODE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    version = lock["node_modules/@huggingface/transformers"]["version"]
    return {"version": version} | compared({"int8": answer}, expected)


def main() -> None:
    rows = [ids.tolist() for ids in read_tokens(ROOT / "data/tokenize/test").input_ids[:ROWS]]
    own = {name: answer_of([sys.executable, HERE / "label_ids.py", model], rows) for name, model in MODELS.items()}
    expected = {name: answer["labels"] for name, answer in own.items()}
    results = {"rows": ROWS, "pinned": own["int8"]["version"], "runtimes": {}}
    for version in VERSIONS:
        with tempfile.TemporaryDirectory() as folder:
            python = python_with(version, Path(folder))
            answers = {name: answer_of([python, HERE / "label_ids.py", model], rows) for name, model in MODELS.items()}
        result = compared(answers, expected)
        results["runtimes"][f"onnxruntime {result.get('version', version or 'newest')}"] = result
        print(json.dumps(result), flush=True)
    answers = {name: answer_of(["node", HERE / "web.mjs", model], rows, cwd=NODE) for name, model in MODELS.items()}
    result = compared(answers, expected)
    results["runtimes"][f"onnxruntime-web {result.get('version')}"] = result
    result = transformers_js(Predictor(ROOT / "models/quantize"))
    results["runtimes"][f"transformers.js {result.get('version')}"] = result
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
