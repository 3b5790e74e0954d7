"""Run `quantize` on the recorded model, and on two copies that were changed so that int8 ruins them.

    python -m benchmarks.gate    # after dvc repro; a minute and a half; writes benchmarks/gate/results.json

layer: in the last layer, one row of the attention's value weights is divided by 10,000, and the weights that read it
are multiplied by 10,000. token: one weight in the embedding of a token that no text contains is set to 1,000 times the
largest. Neither changes the predictions of the fp32 model. In int8, the one large weight determines the scale of all
others, which are then rounded to 0.
"""

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from safetensors.torch import load_file, save_file

from benchmarks.pipeline import ROOT, STAGES

HERE = Path(__file__).parent
OUTPUTS = {"models/quantize": "models", "metrics/quantize.json": "metrics.json", "plots/quantize": "plots"}


def layer(weights: dict, index: int = -1) -> None:
    """Make one weight of a layer very large, and undo its effect in the next matrix."""
    value = [name for name in weights if name.endswith("attention.self.value.weight")][index]
    weights[value][0] /= 10_000
    weights[value.replace("weight", "bias")][0] /= 10_000
    weights[value.replace("self.value", "output.dense")][:, 0] *= 10_000


def token(weights: dict) -> None:
    """Make one weight in the embedding of an unused token very large."""
    table = next(name for name in weights if name.endswith("word_embeddings.weight"))
    weights[table][1, 0] = 1000 * weights[table].abs().max()  # the first token is [PAD], and the second one [unused0]


def quantize(folder: Path, sabotage: Callable[[dict], None] | None) -> dict:
    """Run the stage on a copy of the trained model. Return its exit code, its lines, and the candidates it tried."""
    model = folder / "train"
    shutil.copytree(ROOT / "models/train", model, copy_function=shutil.copyfile)
    if sabotage:
        weights = load_file(model / "model.safetensors")
        sabotage(weights)
        save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    paths = {"models/train": str(model)} | {path: str(folder / name) for path, name in OUTPUTS.items()}
    _, *argv = [paths.get(word, word) for word in shlex.split(STAGES["quantize"]["cmd"])]
    process = subprocess.run([sys.executable, *argv], cwd=ROOT, capture_output=True, text=True, check=False)
    tried = pd.read_csv(folder / "plots/candidates.csv", keep_default_na=False).query("split == 'validation'")
    lines = [line for line in (process.stdout + process.stderr).splitlines() if line.startswith("quantize:")]
    return {
        "exit_code": process.returncode,
        "said": lines,
        "tried": {
            line["candidate"]: {key: line[key] for key in ("size_mb", "agreement", "refused")}
            for line in tried.to_dict("records")
        },
    }


def main() -> None:
    results = {}
    for name, sabotage in {"good": None, "layer": layer, "token": token}.items():
        with tempfile.TemporaryDirectory() as folder:
            results[name] = quantize(Path(folder), sabotage)
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
