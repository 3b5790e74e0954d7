"""What `quantize` says of the recorded model, and of the same one sabotaged so that int8 ruins it and fp32 does not.

    python -m benchmarks.gate    # after dvc repro; a minute and a half; writes benchmarks/gate/results.json

layer: in the last layer, one row of the attention's value weights is divided by 10,000 and what reads it multiplied by
as much. token: one weight of a token's embedding that no text has is made 1,000 times as large as the largest. Both
leave the fp32 model's predictions as they are; the scale of what int8 rounds is lost to the one large weight.
"""

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file, save_file

from benchmarks.pipeline import ROOT, STAGES

HERE = Path(__file__).parent
OUTPUTS = {"models/quantize": "models", "metrics/quantize.json": "metrics.json", "plots/quantize": "plots"}


def layer(weights: dict, index: int = -1) -> None:
    value = [name for name in weights if name.endswith("attention.self.value.weight")][index]
    weights[value][0] /= 10_000
    weights[value.replace("weight", "bias")][0] /= 10_000
    weights[value.replace("self.value", "output.dense")][:, 0] *= 10_000


def token(weights: dict) -> None:
    table = next(name for name in weights if name.endswith("word_embeddings.weight"))
    weights[table][1, 0] = 1000 * weights[table].abs().max()  # of the first token that is none


def quantize(folder: Path, sabotage: Callable[[dict], None] | None) -> dict:
    """Run the stage on a copy of the trained model. Returns: what it printed, its exit code, and what was tried."""
    model = folder / "train"
    shutil.copytree(ROOT / "models/train", model, copy_function=shutil.copyfile)
    if sabotage:
        weights = load_file(model / "model.safetensors")
        sabotage(weights)
        save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    paths = {"models/train": str(model)} | {path: str(folder / name) for path, name in OUTPUTS.items()}
    _, *argv = [paths.get(word, word) for word in shlex.split(STAGES["quantize"]["cmd"])]
    done = subprocess.run([sys.executable, *argv], cwd=ROOT, capture_output=True, text=True, check=False)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("quantize:")]
    return {
        "exit_code": done.returncode,
        "said": said,
        "tried": {
            name: {key: found[key] for key in ("size_mb", "label_loss", "agreement", "refused") if key in found}
            for name, found in metrics["tried"].items()
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
