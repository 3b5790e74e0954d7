"""What lies beside the ONNX files, so that every runtime finds labels, tokenizer, limit and threshold in one folder."""

import shutil
from pathlib import Path

from tokenizers import Tokenizer
from transformers import PreTrainedModel

from strata.base import files
from strata.settings.params import Quantize


def write(
    model: PreTrainedModel, source: Path, out: Path, max_length: int, threshold: float | None, positive: str | None
) -> None:
    """Write the calibrated weights, the configuration and the tokenizer; copy what else there is, such as a vocabulary.

    source: the folder of train. max_length: tokens that a text is cut to by every tokenizer, as when it was scored.
    threshold, positive: of the decision; transformers and transformers.js keep them in the configuration and take the
    largest probability all the same.
    """
    model.save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)  # it is written for its owner alone
    config = files.read_json(source / "config.json")
    files.write_json(out / "config.json", config | {"threshold": threshold, "positive": positive})
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()  # some checkpoints pad every text to their limit
    tokenizer.enable_truncation(max_length)
    tokenizer.save(str(out / "tokenizer.json"))
    settings = files.read_json(source / "tokenizer_config.json")
    files.write_json(
        out / "tokenizer_config.json", settings | {"model_max_length": max_length, "truncation_side": "right"}
    )
    for path in sorted(source.iterdir()):
        if path.is_file() and ".safetensors" not in path.suffixes and not (out / path.name).exists():
            shutil.copyfile(path, out / path.name)


def write_quantization(
    out: Path, candidate: str, validated: dict, rows: int, limits: Quantize, flags: list[str]
) -> None:
    """Write what `strata check` compares with. validated: agreement and drift on so many validation rows."""
    files.write_json(
        out / "quantization.json",
        {
            "candidate": candidate,
            "validation": {"rows": rows, "agreement": validated["agreement"], "drift": validated["drift"]},
            "limits": {"min_agreement": limits.min_agreement, "max_drift": limits.max_drift},
            "cpu": flags,
        },
    )
