"""The model card: the Hub's metadata, and the parts of the report that a user needs. It quotes no text of the data."""

from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from stages.report.render import markdown
from strata.opset import least_onnx_runtime
from strata.settings.params import Params
from strata.settings.recipe import Recipe

HUB_METRICS = {"accuracy": "accuracy", "f1": "f1", "mcc": "matthews_correlation", "roc_auc": "roc_auc"}  # Hub's names

TAGS = {
    "transformer": ["transformers.js", "onnx", "int8", "strata"],
    "tfidf": ["onnx", "tf-idf", "strata"],
    "stack": ["onnx", "int8", "tf-idf", "strata"],
}
"""On the Hub, by model.kind."""


def card(values: dict, settings: Params, recipe: Recipe) -> str:
    """Return README.md: metadata between lines of ---, then Markdown. values: those of the report."""
    own = {"checkpoint": published(settings.model.checkpoint), "max_length": values["tokenize"]["max_length"]}
    columns = [column if isinstance(column, str) else column.column for column in recipe.annotate]
    own |= {"clean": recipe.clean, "annotate": columns, "pictures": {}, "license": recipe.license}
    own["onnx_runtime"] = least_onnx_runtime(values["quantize"]["candidate"])
    block = metadata(values["scores"]["int8"], values["labels"].positive, settings, recipe).to_yaml()
    return f"---\n{block}\n---\n\n{markdown('card.md.j2', values | own)}"


def metadata(scores: dict, positive: str | None, settings: Params, recipe: Recipe) -> ModelCardData:
    """The Hub's block. Only what is known: a checkpoint or a source that is not on the Hub is left out."""
    sources = recipe.source.train if isinstance(recipe.source.train, list) else [recipe.source.train]
    hub = [source.removeprefix("hub://").split("@")[0] for source in sources if source.startswith("hub://")]
    defined = [name for name in HUB_METRICS if scores[name] is not None]
    about = {"task_type": "text-classification", "dataset_type": hub[0] if hub else "custom", "dataset_split": "test"}
    about["dataset_name"] = settings.recipe
    macro = "macro " if positive is None else ""
    kind = settings.model.kind
    exported = "TF-IDF" if kind == "tfidf" else "int8"
    titles = {name: f"{macro if name == 'f1' else ''}{name}, {exported}" for name in defined}
    figures = [{"metric_name": titles[name], "metric_value": round(scores[name], 4)} for name in defined]
    kinds = [HUB_METRICS[name] for name in defined]
    return ModelCardData(
        model_name=settings.recipe,
        license=recipe.license,
        language=recipe.language,
        library_name="transformers" if kind == "transformer" else "strata",
        pipeline_tag="text-classification",
        tags=TAGS[kind],
        base_model=None if kind == "tfidf" else hub_name(settings.model.checkpoint, settings.model.revision),
        datasets=hub or None,
        metrics=kinds,
        eval_results=[EvalResult(metric_type=kind, **own, **about) for kind, own in zip(kinds, figures, strict=True)],
    )


def hub_name(checkpoint: str, revision: str | None) -> str | None:
    """Return the checkpoint's name on the Hub; None where it came from a package or a folder.

    A package may name a checkpoint in its config.json; that is what its own was trained from, not its own.
    """
    is_local = "://" in checkpoint or Path(checkpoint).is_dir()
    return None if is_local or revision is None else checkpoint


def published(checkpoint: str) -> str:
    """A local folder's name without its path; packages and names on the Hub as they are."""
    return Path(checkpoint).name if Path(checkpoint).is_absolute() else checkpoint
