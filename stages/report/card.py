"""The model card that is published with the model: the Hub's metadata, and of the report what its users need.

It quotes no text of the data, but names the words, groups and other values by which the model was seen to fail.
OWNER/NAME stands for where it is published, which `strata publish` fills in.
"""

from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from stages.report.comparison import comparison, probabilities, small_version
from stages.report.content import Code, Section, Text, count, listed, share
from stages.report.failures import breaks, slices
from stages.report.page import markdown
from stages.report.results import Results
from stages.report.summary import answer, data
from strata.card import REPOSITORY
from strata.settings.params import Params
from strata.settings.recipe import Recipe

HUB_METRICS = {"accuracy": "accuracy", "f1": "f1", "mcc": "matthews_correlation", "roc_auc": "roc_auc"}
"""Our names of scores, and those of the Hub."""

RUNTIMES = {
    f"ONNX Runtime in Python, in the folder that hf download {REPOSITORY} --local-dir . fills (pip install onnxruntime "
    "tokenizers huggingface-hub; hf auth login where it is private); the softmax of the logits are the probabilities, "
    "in the order of id2label in config.json:": (
        "import onnxruntime, tokenizers\n"
        'ids = tokenizers.Tokenizer.from_file("tokenizer.json").encode("a text").ids\n'
        'print(onnxruntime.InferenceSession("onnx/model_quantized.onnx").run(None, '
        '{"input_ids": [ids], "attention_mask": [[1] * len(ids)]}))'
    ),
    "transformers.js (npm install @huggingface/transformers):": (
        'import { pipeline } from "@huggingface/transformers";\n'
        f'const classify = await pipeline("text-classification", "{REPOSITORY}", {{ dtype: "q8" }});\n'
        'console.log(await classify("a text"));'
    ),
    "transformers, in fp32 (pip install transformers torch):": (
        "from transformers import pipeline\n"
        f'classify = pipeline("text-classification", model="{REPOSITORY}", truncation=True)\n'
        'print(classify("a text"))'
    ),
    "Strata's predictor, in Strata's root, on that folder; it alone applies a threshold:": (
        'from predict import Predictor\npredictor = Predictor("FOLDER")\nprint(predictor(["a text"]))'
    ),
}


def card(results: Results, settings: Params, recipe: Recipe, method: str) -> str:
    """Return README.md: metadata between lines of ---, then Markdown."""
    sections = [
        answer(results),
        use(results),
        Section(
            "load", "How to load it", [part for said, code in RUNTIMES.items() for part in (Text(said), Code(code))]
        ),
        data(results, settings.recipe, published(settings.model.checkpoint), method),
        comparison(results, []),
        probabilities(results, []),
        Section("failures", "Where it fails", slices(results.lists["slices"]) or [Text("No slices were scored.")]),
        breaks(results),
        small_version(results),
        limits(results, settings.tokenize.max_length, recipe),
    ]
    title = f"{settings.recipe}: {listed(results.labels.names)}"
    body = markdown(title, [section for section in sections if section], "")
    return f"---\n{metadata(results, settings, recipe).to_yaml()}\n---\n\n{body}"


def metadata(results: Results, settings: Params, recipe: Recipe) -> ModelCardData:
    """The Hub's block. Only what is known: a checkpoint or a source that is not on the Hub is left out."""
    small = results.metrics["quantize"]
    sources = recipe.source.train if isinstance(recipe.source.train, list) else [recipe.source.train]
    hub = [source.removeprefix("hub://").split("@")[0] for source in sources if source.startswith("hub://")]
    defined = [metric for metric in HUB_METRICS if small.get(metric) is not None]
    scored = [
        EvalResult(
            task_type="text-classification",
            dataset_type=hub[0] if hub else "custom",
            dataset_name=settings.recipe,
            dataset_split="test",
            metric_type=HUB_METRICS[metric],
            metric_name=f"{metric}, int8",
            metric_value=round(small[metric], 4),
        )
        for metric in defined
    ]
    return ModelCardData(
        model_name=settings.recipe,
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["transformers.js", "onnx", "int8", "strata"],
        base_model=settings.model.checkpoint if settings.model.revision else None,
        datasets=hub or None,
        metrics=[HUB_METRICS[metric] for metric in defined],
        eval_results=scored,
    )


def use(results: Results) -> Section:
    names = listed(results.labels.names)
    positive = f" {results.labels.positive} counts as the positive one." if results.labels.positive else ""
    return Section(
        "use",
        "What it is for",
        [
            Text(
                f"It gives a text one of the labels {names}.{positive} It is meant for texts of the kind that it was "
                "trained and tested on, described below. On other kinds of text, in other languages or of another "
                "time, its scores do not hold: score it there first."
            ),
            Text(
                "It is not meant to decide by itself on anything that matters to a person: it errs as often as the "
                "scores say, more often on some groups of texts, and cannot give reasons."
            ),
        ],
    )


def published(checkpoint: str) -> str:
    """A folder's name without the way to it on this machine; packages and names on the Hub as they are.

    >>> published("/home/me/models/mine"), published("roberta-base")
    ('mine', 'roberta-base')
    """
    return Path(checkpoint).name if Path(checkpoint).is_absolute() else checkpoint


def limits(results: Results, max_length: int, recipe: Recipe) -> Section:
    cut = results.metrics["tokenize"]["test"]["truncated_share"]
    noise = (results.test.get("label_noise") or {}).get("share")
    small = results.metrics["quantize"]
    said = [
        Text(
            f"It reads the first {count(max_length)} tokens of a text and not the rest; that cut {share(cut)} of the "
            "test texts. A text in which no label fits gets one all the same."
        ),
        Text(
            "It learned what the labelled texts hold, their prejudices among it. Scores by group are above, as far as "
            "the data name groups; where they name none, nobody has looked at whether it treats people alike."
        ),
        Text("The licence is not stated here: those of the base checkpoint and of the data apply."),
        Text(
            "Its int8 figures are of texts that were scored one at a time. In a batch, int8 rounds by all texts "
            "together, and a text's probabilities depend a little on the others."
        ),
        Text(
            "Emissions of CO2 were not measured. The int8 model was made and checked on a CPU with "
            f"{listed(small['cpu'], most=20) or 'none of the instructions that are looked for'}; strata check "
            "measures on another whether it still agrees with fp32."
        ),
    ]
    if recipe.clean or recipe.annotate:
        steps = listed([*recipe.clean, *(f"{column} appended as a special token" for column in recipe.annotate)])
        said.insert(1, Text(f"Its scores are of texts that were prepared ({steps}); give it texts prepared alike."))
    if noise is not None:
        said.insert(1, Text(f"An estimate, rather too high, is that {share(noise)} of the test labels are wrong."))
    return Section("limits", "Limits, risks and costs", said)
