"""The files beside the ONNX models: labels, tokenizer, max_length and threshold, for any runtime."""

import shutil
from pathlib import Path

from tokenizers import Tokenizer
from transformers import PreTrainedModel

from strata.base import files
from strata.decision import Threshold
from strata.labels import Labels
from strata.model_kinds import STACK, TFIDF
from strata.runtime.preparation import Preparation, write_preparation
from strata.settings.params import Quantize
from strata.settings.recipe import Recipe
from strata.text.windows import HEAD, saved_window
from strata.tfidf.ngrams import NAME as VOCABULARY
from strata.tfidf.ngrams import Vocabulary


def write(
    model: PreTrainedModel,
    source: Path,
    out: Path,
    threshold: Threshold,
    labels: Labels,
    recipe: Recipe,
) -> None:
    """Write the calibrated weights, configuration, tokenizer and preparation; copy other files, such as a vocabulary.

    source: the folder that train wrote; every tokenizer then cuts a text to as many tokens as its own. A window other
    than the head is in config.json for `strata.Predictor`; runtimes that do not know of it read the head.
    threshold, labels: of the decision rule. Threshold and positive label are in config.json for `strata.Predictor`, the
    thresholds of many labels by name; transformers and transformers.js ignore them, and predict the label with the
    largest probability. recipe: for how it makes a text.
    """
    model.save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)  # transformers makes it readable for its owner only
    window = saved_window(source)
    cut = {} if window.kind == HEAD else {"window": window._asdict()}
    config = files.read_json(source / "config.json") | decision(threshold, labels) | cut
    files.write_json(out / "config.json", config)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()  # some checkpoints pad every text to their longest length
    settings = files.read_json(source / "tokenizer_config.json")
    tokenizer.enable_truncation(window.max_length)
    tokenizer.save(str(out / "tokenizer.json"))
    files.write_json(out / "tokenizer_config.json", settings | {"truncation_side": "right"})
    write_preparation(out, preparation_of(recipe))
    for path in sorted(source.iterdir()):
        if path.is_file() and ".safetensors" not in path.suffixes and not (out / path.name).exists():
            shutil.copyfile(path, out / path.name)


def write_tfidf(
    tokenizer: Path, out: Path, threshold: Threshold, labels: Labels, recipe: Recipe, vocabulary: Vocabulary
) -> None:
    """Write configuration, preparation and vocabulary of TF-IDF. tokenizer: folder of the one that knows annotations.

    threshold, labels, recipe: as in `write`.
    """
    names = {str(i): name for i, name in enumerate(labels.names)}
    config = {"kind": TFIDF, "id2label": names, "label2id": {name: int(i) for i, name in names.items()}}
    files.write_json(out / "config.json", config | decision(threshold, labels))
    write_preparation(out, preparation_of(recipe))
    added = Tokenizer.from_file(str(tokenizer / "tokenizer.json")).get_added_tokens_decoder().values()
    vocabulary._replace(added=frozenset(token.content for token in added)).write(out / VOCABULARY)


def decision(threshold: Threshold, labels: Labels) -> dict:
    """Return what config.json holds of the decision rule: see `write`."""
    named = dict(zip(labels.names, threshold, strict=True)) if isinstance(threshold, list) else threshold
    return {"threshold": named, "positive": labels.positive}


def preparation_of(recipe: Recipe) -> Preparation:
    """Return how a recipe makes a text."""
    return Preparation(recipe.text_columns, recipe.clean, recipe.annotated_columns)


def add_to_config(out: Path, **entries: float | str) -> None:
    """Add entries to config.json."""
    files.write_json(out / "config.json", files.read_json(out / "config.json") | entries)


def add_tfidf(out: Path, vocabulary: Vocabulary) -> None:
    """Make the folder of a transformer that of a stack: without weights that transformers would load as a model."""
    (out / "model.safetensors").unlink()
    add_to_config(out, kind=STACK)
    vocabulary.write(out / VOCABULARY)


def write_cascade(out: Path, least: float) -> None:
    """Write into config.json the probability of a label from which TF-IDF answers in the place of a stack."""
    add_to_config(out, cascade=least)


def write_abstention(out: Path, threshold: float, goal: str) -> None:
    """Write into config.json the least probability of a label that is given, and the goal that it was chosen for."""
    add_to_config(out, abstain_below=threshold, goal=goal)


def write_quantization(
    out: Path, candidate: str, measured: dict, rows: int, limits: Quantize, flags: list[str]
) -> None:
    """Write quantization.json, which `strata check` compares with. measured: agreement and drift on validation rows.

    rows: the number of validation rows. flags: of the CPU.
    """
    files.write_json(
        out / "quantization.json",
        {
            "candidate": candidate,
            "validation": {"rows": rows, "agreement": measured["agreement"], "drift": measured["drift"]},
            "limits": {"min_agreement": limits.min_agreement, "max_drift": limits.max_drift},
            "cpu": flags,
        },
    )
