"""Whether a checkpoint's weights are all there: files, tensors, shapes and values, each fault with a name."""

import json
import re
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from torch import nn
from transformers import AutoModel, PretrainedConfig, PreTrainedModel

from strata.base.errors import StrataError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
REMEDY = "download or copy it again, or choose another"
SHOWN = 3  # names in a sentence


def check_files(folder: Path, key: str, remedy: str = REMEDY) -> None:
    """Refuse weights that are missing, cut off, lie about their size, or are empty.

    key: the setting that names the folder. Raises: StrataError.
    """
    for path in _files(folder, key, remedy):
        try:
            with safe_open(path, framework="pt") as content:
                shapes = {name: content.get_slice(name).get_shape() for name in content.keys()}  # noqa: SIM118, no mapping
        except Exception as error:  # the library has its own
            raise StrataError(f"{key} {path}: not readable weights ({first_line(error)}); {remedy}") from None
        if not shapes:
            raise StrataError(f"{key} {path}: holds no weights; {remedy}")
        if empty := [name for name, shape in shapes.items() if 0 in shape]:
            raise StrataError(f"{key} {path}: {named(empty)} {plural(empty, 'is', 'are')} empty; {remedy}")


def _files(folder: Path, key: str, remedy: str) -> list[Path]:
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        raise StrataError(f"{key} {folder}: no {WEIGHTS} in it; {remedy}, one with safetensors weights")
    try:
        names = sorted(set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise StrataError(f"{key} {folder / INDEX}: lists no files of weights; {remedy}") from None
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise StrataError(f"{key} {folder}: {named(missing)} {plural(missing, 'is', 'are')} missing; {remedy}")
    return [folder / name for name in names]


def check_loaded(model: PreTrainedModel, info: dict, folder: Path, key: str, remedy: str = REMEDY) -> None:
    """Refuse a model whose weights are not all its checkpoint's own; only a new head may be drawn at random.

    info: what transformers says of the loading. Raises: StrataError that names the tensors.
    """
    if mismatched := sorted(info["mismatched_keys"]):
        name, there, here = mismatched[0]
        more = f" (and {len(mismatched) - 1} more)" if len(mismatched) > 1 else ""
        raise StrataError(
            f"{key} {folder}: {name} has shape {tuple(there)}, and by config.json {tuple(here)}{more}; take both from "
            f"one model, {remedy}"
        )
    if missing := _missing_of_its_own(model, info["missing_keys"], folder):
        raise StrataError(
            f"{key} {folder}: its weights lack {named(missing)}, which would be drawn at random; {remedy}"
        )
    if unused := sorted(name for name in info["unexpected_keys"] if _is_of_another_layer(model, name)):
        raise StrataError(
            f"{key} {folder}: config.json has fewer layers than the weights, which hold {named(unused)}; take both "
            f"from one model, {remedy}"
        )
    if infinite := [name for name, weight in model.named_parameters() if not weight.isfinite().all()]:
        raise StrataError(
            f"{key} {folder}: {named(infinite)} {plural(infinite, 'contains', 'contain')} NaN or infinity; {remedy}"
        )


def _missing_of_its_own(model: PreTrainedModel, missing: list[str], folder: Path) -> list[str]:
    """Return those of the missing weights that the checkpoint's own architecture has, so that it should hold them.

    A whole pooler may be missing, which is part of the head, and which masked-language models lack.
    """
    own = {_stem(name, model) for name in _own_model(model.config, folder).state_dict()}
    names = {name: _stem(name, model) for name in missing}
    pooler = {stem for stem in own if stem.startswith("pooler.")}
    if pooler <= set(names.values()):
        own -= pooler
    return sorted(name for name, stem in names.items() if stem in own)


def _own_model(config: PretrainedConfig, folder: Path) -> PreTrainedModel:
    """Return a model of the class that wrote a checkpoint, without memory; the bare encoder where it is not told."""
    written, _ = PretrainedConfig.get_config_dict(folder)  # as loaded, config would name the class that loads it
    kind = getattr(transformers, str((written.get("architectures") or [None])[0]), None)
    with torch.device("meta"):
        if isinstance(kind, type) and issubclass(kind, PreTrainedModel) and kind.config_class is type(config):
            return kind(config)
        return AutoModel.from_config(config)


def _stem(name: str, model: PreTrainedModel) -> str:
    return name.removeprefix(f"{model.base_model_prefix}.")


def _is_of_another_layer(model: PreTrainedModel, name: str) -> bool:
    """Whether a weight belongs to a layer above those that the model has."""
    match = re.match(r"(.+?)\.(\d+)\.", _stem(name, model))
    try:
        layers = model.base_model.get_submodule(match[1]) if match else None
    except AttributeError:
        return False
    return isinstance(layers, nn.ModuleList) and int(match[2]) >= len(layers)


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error, the next one too where it ends in a colon."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if isinstance(error, KeyError):
        lines[0] = f"no {lines[0]}"
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


def named(names: list[str]) -> str:
    """Join the first names, and say how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def plural(names: list[str], one: str, many: str) -> str:
    """Return the verb for some names."""
    return one if len(names) == 1 else many
