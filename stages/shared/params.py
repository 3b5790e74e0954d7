"""The one schema of params.yaml and of recipes, checked whole by every stage before it does anything.

    python -m stages.shared.params           check params.yaml and every recipe
    python -m stages.shared.params --write   write the JSON Schemas that editors use

This module only refuses input. No key of params.yaml has a default, and a recipe's key that may be absent means "none"
when it is, so the module does not decide what a stage writes: no stage in dvc.yaml lists it among its deps.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from stages.shared.command import StageError, did_you_mean, run
from stages.shared.goal import PATTERN
from stages.shared.number_rule import RULE
from stages.shared.where import refusal

MetricName = Literal[
    "accuracy",
    "precision",
    "recall",
    "f1",
    "f2",
    "f1_macro",
    "f1_weighted",
    "roc_auc",
    "pr_auc",
    "mcc",
    "balanced_accuracy",
    "brier",
    "ece",
    "log_loss",
]


def _number(value: Any) -> Any:
    """YAML 1.1 reads 3e-05, which is what DVC writes for 3e-5, as a string."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


Float = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Share = Annotated[Float, Field(ge=0, le=1)]
Scalar = str | int | float | bool
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Section(BaseModel):
    """A mapping in YAML: unknown keys are refused, types are not bent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Model(Section):
    """The checkpoint that training starts from; read by tokenize, adapt and train."""

    checkpoint: str = Field(
        min_length=1,
        description="package://NAME@VERSION/FOLDER inside an installed package, a local folder, or a hub name such as "
        "distilbert-base-uncased. A relative folder starts at the project's root.",
    )
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = Field(
        description="Commit of a hub name, 40 hexadecimal digits; null for a package or a folder."
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        description="SHA-256 of the checkpoint's model.safetensors, compared before use; null skips the comparison. "
        "Without it, a folder changed in place reruns nothing."
    )


class Ingest(Section):
    """How many unreadable rows are tolerated."""

    max_rejects: Share = Field(description="Largest share of the source's rows that may be rejected, 0 to 1.")


class Standardize(Section):
    """How many unusable rows are tolerated."""

    max_rejects: Share = Field(
        description="Largest share of the kept rows that may have an empty text or no label, 0 to 1."
    )


class Split(Section):
    """Which rows are for training, validation and testing; what ties rows together stays on one side."""

    method: Literal["stratified", "stable"] = Field(
        description="stratified: each label at its exact share in every split, but rows that are added later may move "
        "others. stable: a hash of each group, or text, decides, so that rows added at the end move none; the "
        "shares hold about, by a point or two in a thousand rows, and a new row that copies rows of two splits, or "
        "copies a row that is on another side than its group, is left out."
    )
    by: Literal["random", "date"] = Field(
        description="random, or date: train on the earliest rows, validate on later ones and test on the latest, by "
        "the recipe's columns.date; rows of one date stay together, and earlier rows tied to later splits are left out."
    )
    validation: Annotated[Float, Field(gt=0, lt=1)] = Field(description="Share of rows for validation, 0 to 1.")
    test: Annotated[Float, Field(gt=0, lt=1)] = Field(
        description="Share of rows for testing, 0 to 1; unused where the recipe brings a test file, and with folds."
    )
    folds: Annotated[int, Field(ge=2, le=100)] | None = Field(
        description="Cross-validate: every row is a test row in one of so many folds, but for those that are left out; "
        "null: one split."
    )
    fold: int = Field(ge=0, description="Which fold is the test split, from 0; unused where folds is null.")
    near_duplicate: Annotated[Float, Field(ge=0.5, le=1)] = Field(
        description="Jaccard similarity of two texts' 3-word shingles from which on they are near-copies, 0.5 to 1. "
        "Equal texts up to case, spacing, HTML and punctuation always are."
    )
    across_groups: Literal["join", "drop"] = Field(
        description="Copies of a text in several groups: drop keeps groups apart and leaves out the copies that would "
        "be on two sides, of the training side first; join ties their groups together and loses no row, but a short "
        "text that is in every group, such as 'Yes.', ties all of them. Method stable joins no groups: of a text "
        "on two sides, it leaves out the later rows."
    )
    conflicts: Literal["keep", "majority", "drop"] = Field(
        description="Rows with one text and different labels: keep them as they are; majority: give all of them their "
        "most frequent label, and drop them on a tie; drop them. Test rows too, so the scores then speak of easier "
        "rows; a ready-made test file is left alone."
    )

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> "Split":
        name, test = ("1/folds", 1 / self.folds) if self.folds else ("test", self.test)
        if self.validation + test >= 1:
            raise ValueError(f"validation + {name} is {self.validation + test:g}, must be below 1")
        if self.folds and self.fold >= self.folds:
            raise ValueError(f"fold is {self.fold}, must be below folds ({self.folds})")
        if self.by == "date" and (self.folds or self.method == "stable"):
            raise ValueError(
                "by is date, which leaves no choice of folds or method; set folds to null, method to stratified"
            )
        return self


class Resample(Section):
    """Balancing of the training rows, and of nothing else."""

    strategy: Literal["none", "undersample", "oversample", "factors", "counts"] = Field(
        description="none; undersample: every label down to the rarest; oversample: every label up to the most "
        "frequent; factors: each label times its own factor, to one row at least; counts: each label to its own number "
        "of rows."
    )
    factors: dict[str, Annotated[Float, Field(gt=0, le=1000)]] = Field(
        description="With strategy factors, one factor for each label by name, such as {spam: 2, ham: 0.5}."
    )
    counts: dict[str, Annotated[int, Field(ge=1)]] = Field(
        description="With strategy counts, how many training rows each label shall have, such as {spam: 500, ham: 500}."
    )

    @model_validator(mode="after")
    def _numbers_belong_to_their_strategy(self) -> "Resample":
        for name, numbers in (("factors", self.factors), ("counts", self.counts)):
            if (self.strategy == name) != bool(numbers):
                raise ValueError(
                    f"strategy is {self.strategy} and {name} is {numbers}: give {name} exactly when strategy is {name}"
                )
        return self


class Tokenize(Section):
    """Text to token ids."""

    max_length: int = Field(ge=4, description="Tokens a row may have, special tokens included; the rest is cut off.")


class Adapt(Section):
    """Training on the training rows' texts without their labels, before fine-tuning (masked-language objective)."""

    epochs: int = Field(ge=0, description="Passes over the training rows' texts; 0: off.")
    lr: Annotated[Float, Field(gt=0, lt=1)] = Field(description="Peak learning rate of AdamW.")
    batch_size: int = Field(ge=1, description="Rows in a batch.")
    masked: Annotated[Float, Field(gt=0, lt=1)] = Field(
        description="Share of the tokens that are hidden, to be told from the others, 0 to 1."
    )


class Baseline(Section):
    """TF-IDF with logistic regression, what the transformer has to beat."""

    ngram_max: int = Field(ge=1, le=5, description="Longest word n-gram; 2 counts single words and pairs.")
    min_df: int = Field(ge=1, description="Training rows that an n-gram must occur in to be counted.")
    c: Annotated[Float, Field(gt=0)] = Field(description="Inverse strength of the L2 penalty (scikit-learn's C).")


class Train(Section):
    """Fine-tuning."""

    lr: Annotated[Float, Field(gt=0, lt=1)] = Field(description="Peak learning rate of AdamW.")
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        description="What the learning rate does after the warm-up."
    )
    warmup: Annotated[Float, Field(ge=0, lt=1)] = Field(
        description="Share of all optimizer steps over which the learning rate rises from 0, 0 to 1."
    )
    weight_decay: Annotated[Float, Field(ge=0)] = Field(description="AdamW's decoupled weight decay.")
    epochs: int = Field(ge=1, description="Passes over the training rows.")
    batch_size: int = Field(ge=1, description="Rows in a batch.")
    batch_tokens: Annotated[int, Field(ge=1)] | None = Field(
        description="Tokens in a batch, its padding among them, in place of batch_size: short texts then share larger "
        "batches; null: batches by rows."
    )
    gradient_accumulation: int = Field(ge=1, description="Batches summed into one optimizer step.")
    gradient_checkpointing: bool = Field(
        description="Compute each layer again on the way back, for less memory and about a third more time."
    )
    max_grad_norm: Annotated[Float, Field(gt=0)] = Field(description="Length that a longer gradient is cut to.")
    label_smoothing: Annotated[Float, Field(ge=0, lt=1)] = Field(
        description="Share of each row's truth that is spread evenly over all labels, 0 to 1."
    )
    freeze_embeddings: bool = Field(description="Leave the embeddings as they are: faster, with less memory.")
    freeze_layers: int = Field(
        ge=0, description="Leave the embeddings and so many of the first layers as they are; 0 trains all."
    )
    lora_rank: int = Field(
        ge=0,
        description="Train two narrow matrices of this rank beside each linear layer, the classifier and nothing else, "
        "and add them to the layers in the end (LoRA; pip install -r requirements-lora.txt); 0: none.",
    )
    lora_alpha: Annotated[Float, Field(gt=0)] = Field(description="LoRA's update counts alpha / rank times.")
    teacher: Annotated[str, Field(min_length=1)] | None = Field(
        description="Folder of a fine-tuned model with the same labels and tokenizer, whose probabilities are learned "
        "as well; null: none. DVC does not watch it: give another teacher another name."
    )
    teacher_weight: Annotated[Float, Field(gt=0, le=1)] = Field(
        description="The teacher's part of the loss, 0 to 1; the labels have the rest."
    )
    teacher_temperature: Annotated[Float, Field(gt=0)] = Field(
        description="Logits of teacher and student are divided by it, so that small probabilities count more."
    )
    evaluations_per_epoch: int = Field(ge=1, description="How often validation is scored in each epoch.")
    class_weights: Literal["none", "balanced"] | dict[str, Annotated[Float, Field(gt=0)]] = Field(
        description="Weight of each label's rows in the loss: none; balanced: the inverse of its share of the training "
        "rows; or one for each label by name, of which only the ratios count. An alternative to resample, which "
        "repeats or drops rows."
    )
    best_metric: MetricName | Literal["loss"] = Field(
        description="Validation metric that picks the checkpoint which is kept."
    )
    patience: Annotated[int, Field(ge=1)] | None = Field(
        description="Evaluations in a row without a better best_metric after which training stops; null never stops."
    )
    precision: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        description="auto: bf16 where the hardware has it, else fp16 on a GPU and fp32 on a CPU."
    )
    compile: bool = Field(
        description="Compile the model: a minute or more before the first step, then faster on a GPU (torch.compile)."
    )
    deterministic: bool = Field(
        description="On a GPU, only operations that give the same bits each time: slower, and not every model has "
        "them. On a CPU all do."
    )
    processes: int = Field(
        ge=1, description="Processes on each node, one a GPU, or several on a CPU; each batch is dealt out among them."
    )
    nodes: int = Field(
        ge=1,
        description="Machines; the stage is started on each, with NODE_RANK, MASTER_ADDR and MASTER_PORT in its "
        "environment.",
    )


class Snapshots(Section):
    """The saved state from which a killed training goes on; it decides no output, so no stage reruns for it."""

    minutes: Annotated[Float, Field(gt=0)] = Field(description="Save it so often, minutes.")
    steps: Annotated[int, Field(ge=1)] | None = Field(
        description="Save it after every so many optimizer steps, in place of minutes; null: by minutes."
    )


class Watch(Section):
    """How to look on while training goes on; it decides no output, so no stage reruns for it."""

    tensorboard: Annotated[str, Field(min_length=1)] | None = Field(
        description="Folder for TensorBoard events, such as logs; null: none. Needs requirements-tensorboard.txt."
    )


class Evaluate(Section):
    """Scoring of the fine-tuned model."""

    goal: Annotated[str, Field(pattern=f"^({PATTERN})$")] | None = Field(
        description="What the decision threshold is chosen for, on validation rows and between two labels: f1, f2, "
        "'precision >= 0.9', 'recall >= 0.9', or 'cost 5:1', where a missed positive row costs 5 and a false alarm 1; "
        "null predicts the likelier label."
    )
    train_rows: int = Field(ge=1, description="Training rows that are scored, to be compared with those of validation.")
    behaviour_rows: int = Field(
        ge=0, description="Test rows that are changed in each way, to see whether the prediction changes; 0: none."
    )
    explained_errors: int = Field(ge=0, description="Errors, the surest first, whose most influential words are told.")

    batch_size: int = Field(ge=1, description="Rows in a batch; changes the speed, and scores only by rounding.")


Candidate = Literal["per_tensor", "per_channel", "reduce_range", "keep_fp32", "weight_only"]


class Quantize(Section):
    """ONNX export, int8, and the gate that the int8 model must pass on validation rows."""

    candidates: Annotated[list[Candidate], Field(min_length=1)] = Field(
        description="What is tried, in this order, until one passes. per_channel: int8 with a scale for each column of "
        "a matrix; per_tensor: one scale a matrix, no smaller and no faster, for runtimes that know no other; "
        "reduce_range: per_channel with 7-bit weights, for CPUs without VNNI, where 8-bit products overflow; "
        "keep_fp32: per_channel but for the eighth of the matrices that int8 rounds worst; weight_only: 8-bit weights "
        "in blocks of 32, computed in fp32: smaller than fp32, and slower."
    )
    gate_metric: MetricName = Field(description="Metric by which int8 is compared with fp32.")
    max_loss: Annotated[Float, Field(ge=-1, le=1)] = Field(
        description="Largest loss in gate_metric, in the metric's own units; 0.01 is one point of accuracy. A negative "
        "number demands a gain. One row is always allowed, of accuracy as of the two limits below."
    )
    max_label_loss: Annotated[Float, Field(ge=-1, le=1)] = Field(
        description="Largest loss of any label's recall, the share of its rows that get it."
    )
    min_agreement: Share = Field(description="Least share of the rows that get the same label from int8 and fp32.")
    max_drift: Share = Field(
        description="Largest mean change of a row's probabilities, 0 to 1 (total variation distance)."
    )

    @model_validator(mode="after")
    def _name_each_once(self) -> "Quantize":
        if len(set(self.candidates)) < len(self.candidates):
            raise ValueError(f"candidates is {self.candidates}: name each once")
        return self


class Params(Section):
    """Every knob of a run: params.yaml."""

    recipe: Name = Field(description="The dataset: recipes/NAME.yaml, with its files in data/raw/NAME/.")
    seed: int = Field(ge=0, lt=2**32, description="Seed of every random choice.")
    model: Model
    ingest: Ingest
    standardize: Standardize
    split: Split
    resample: Resample
    tokenize: Tokenize
    adapt: Adapt
    baseline: Baseline
    train: Train
    snapshots: Snapshots
    watch: Watch
    evaluate: Evaluate
    quantize: Quantize


Address = Annotated[str, Field(min_length=1)]


class Source(Section):
    """Where the rows come from."""

    train: Address | Annotated[list[Address], Field(min_length=1)] = Field(
        description="A file or glob in data/raw/RECIPE/, package://NAME@VERSION/FILE inside an installed package, "
        "hub://OWNER/NAME@COMMIT/GLOB in a dataset on the Hugging Face Hub, https://HOST/FILE#sha256=HEX, or a list of "
        "these. Formats: .csv, .tsv, .txt, .json, .jsonl, .ndjson, .parquet, .arrow, .feather, each also as .gz or "
        ".zst, or alone in a .zip."
    )
    test: Address | Annotated[list[Address], Field(min_length=1)] | None = Field(
        default=None, description="A ready-made test file, which stays the test split; absent or null: split one off."
    )
    encoding: str | None = Field(
        default=None,
        description="Encoding of text files, such as cp1250, as Python names it; absent or null: found in each.",
    )

    @model_validator(mode="after")
    def _encoding_is_known(self) -> "Source":
        try:
            "".encode(self.encoding or "utf-8")
        except LookupError:
            raise ValueError(f"encoding is {self.encoding!r}, must be one that Python knows, such as cp1250") from None
        return self


class Dated(Section):
    """A column of dates in one format."""

    column: str = Field(min_length=1, description="The column's name.")
    format: str = Field(min_length=1, description="As strptime takes it, such as %d/%m/%Y.")


class Columns(Section):
    """The source's column names."""

    text: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)] = Field(
        description="Column that holds the text, or a list of columns whose texts are joined by a space."
    )
    label: str = Field(min_length=1, description="Column that holds the label.")
    group: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Column whose equal values stay on one side of every split; absent or null: none."
    )
    date: Annotated[str, Field(min_length=1)] | Dated | None = Field(
        default=None,
        description="Column of dates, for split.by date: ISO 8601, a year, seconds since 1970, or the month by name; "
        "else {column: when, format: '%d/%m/%Y'}. Absent or null: none.",
    )


class Keep(Section):
    """Rows to keep; an absent key keeps all. The filters apply in the order of these keys."""

    equal: dict[str, Scalar | list[Scalar]] = Field(
        default={}, description="Column to the value, or the list of values, that its rows must have."
    )
    top: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default={},
        description="Column to N: rows with one of its N most frequent values, among the training rows that `equal` "
        "keeps.",
    )
    where: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="An expression on the source's columns as DataFrame.query takes it, such as 'season >= 2 and "
        "rating != 5' or 'title.str.len() > 3', which sees one row at a time. A column of numbers alone is compared as "
        "numbers, one of true and false as booleans; a comparison with a missing value keeps no row.",
    )
    min_words: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Fewest words of a cleaned text.")
    max_words: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Most words of a cleaned text.")
    min_characters: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Fewest characters of a cleaned text."
    )
    max_characters: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Most characters of a cleaned text."
    )

    @model_validator(mode="after")
    def _where_compares(self) -> "Keep":
        if self.where and (reason := refusal(self.where)):
            raise ValueError(f"where: {reason}")
        return self


class FirstOf(Section):
    """A column of several values in one cell."""

    column: str = Field(min_length=1, description="The column's name.")
    split: str = Field(min_length=1, description="What parts the values of a cell; the first one is taken.")


class Recipe(Section):
    """One dataset: where it is, and what its columns and labels mean."""

    source: Source
    columns: Columns
    labels: dict[Annotated[str, Field(min_length=1)], Scalar | Annotated[list[Scalar], Field(min_length=1)]] = Field(
        min_length=2,
        description='Label names in id order, each with the source values it stands for: a value, a list, "*" for all '
        'the rest, or a rule on numbers such as ">= 7".',
    )
    positive: str | None = Field(
        description="Of two labels, the one that precision, recall and F1 speak of; else null."
    )
    keep: Keep
    clean: list[Literal["html", "whitespace", "lowercase", "punctuation", "unicode"]] = Field(
        description="Cleaning steps, applied in this order."
    )
    annotate: list[Annotated[str, Field(min_length=1)] | FirstOf] = Field(
        description="Columns whose value is appended to the text as one special token, such as <director=Ken Kwapis>; "
        "tokenize adds it to the vocabulary; {column: writer, split: ';'} takes the first of several values. A token "
        "stands at the end, so it is cut off with a text beyond tokenize.max_length.",
    )
    sample: Annotated[int, Field(ge=1)] | None = Field(
        description="At most this many rows, drawn with the seed, every label at its own share; null keeps all."
    )

    @model_validator(mode="after")
    def _rules_are_rules(self) -> "Recipe":
        for name, values in self.labels.items():
            alone = not isinstance(values, list)
            for value in [values] if alone else values:
                is_rule = isinstance(value, str) and RULE.fullmatch(value) is not None
                looks_so = isinstance(value, str) and value.strip()[:1] in ("<", ">", "=", "!")
                if alone and looks_so and not is_rule:
                    raise ValueError(
                        f"labels.{name} is {value!r}, no rule such as '<= 4' or '> -0.5'; for that very text, write "
                        f"[{value!r}]"
                    )
                if not alone and is_rule and len(values) > 1:
                    raise ValueError(f"labels.{name} has the rule {value!r} in a list; a rule stands alone")
        return self

    @model_validator(mode="after")
    def _positive_is_one_of_two(self) -> "Recipe":
        names = list(self.labels)
        if len(names) == 2 and self.positive not in names:
            raise ValueError(f"positive is {self.positive!r}, must be one of the two labels: {', '.join(names)}")
        if len(names) > 2 and self.positive is not None:
            raise ValueError(f"positive is {self.positive!r}, must be null with {len(names)} labels")
        return self


def load(params_path: Path, recipes: Path) -> tuple[Params, Recipe]:
    """Read and check params.yaml and the recipe that it names.

    Raises: StageError with the file, the key, what was found and what is allowed.
    """
    params = _check(params_path, Params)
    path = recipes / f"{params.recipe}.yaml"
    if not path.is_file():
        found = sorted(p.stem for p in recipes.glob("*.yaml"))
        raise StageError(
            f"{params_path}: recipe is {params.recipe!r}, but {path} does not exist{did_you_mean(params.recipe, found)}"
        )
    recipe = _check(path, Recipe)
    labels = list(recipe.labels)
    named = {"resample.factors": params.resample.factors, "resample.counts": params.resample.counts}
    if isinstance(params.train.class_weights, dict):
        named["train.class_weights"] = params.train.class_weights
    for key, numbers in named.items():
        for name in numbers:
            if name not in labels:
                raise StageError(
                    f"{params_path}: {key} names the label {name!r}, which {path} has not{did_you_mean(name, labels)}"
                )
        missing = [name for name in labels if name not in numbers]
        if numbers and missing:
            raise StageError(f"{params_path}: {key} lacks {', '.join(missing)}: every label of {path} needs a number")
    return params, recipe


def _check(path: Path, model: type[BaseModel]) -> Any:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StageError(f"{path}: no such file; paths are relative to the project's root") from None
    except UnicodeDecodeError as error:
        raise StageError(f"{path}: not UTF-8: {error.reason} at byte {error.start}; save it as UTF-8") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise StageError(f"{path}, line {line}: not valid YAML: {error.problem}") from None
    if not isinstance(content, dict):
        raise StageError(f"{path}: a mapping of keys is wanted, found {type(content).__name__}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise StageError(f"{path}: {_sentence(error, model)}") from None


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """The first error as a sentence: key, what was found, what is allowed."""
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a typo also leaves its key missing
    keys = [str(key) for key in first["loc"]]
    section, field, depth = _place(model, keys)
    key = ".".join(keys[:depth])
    if first["type"] == "extra_forbidden":
        near = did_you_mean(keys[-1], list(section.model_fields), prefix="".join(f"{k}." for k in keys[:-1]))
        return f"unknown key {'.'.join(keys)}{near}"
    about = f"; {field.description}" if field and field.description else ""
    if first["type"] == "missing":
        return f"{'.'.join(keys)} is missing{about}"
    wanted = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{key}: {wanted}" if key else wanted
    found = first["input"]
    return f"{key} is {found!r} ({type(found).__name__}): {wanted[0].lower() + wanted[1:]}{about}"


def _place(model: type[BaseModel], keys: list[str]) -> tuple[type[BaseModel], Any, int]:
    """The innermost section on the way along `keys`, the field there, and how many keys belong to the file.

    What pydantic appends after a field with several types (`str`, `list[str]`) is not a key of the file.
    """
    field = None
    for depth, key in enumerate(keys):
        if key not in model.model_fields:
            return model, field, depth
        field = model.model_fields[key]
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return model, field, depth + 1
        model = field.annotation
    return model, field, len(keys)


def schemas() -> dict[str, str]:
    """The JSON Schema of each file, by the name that it is committed under."""
    return {
        f"{name}.schema.json": json.dumps(model.model_json_schema(), indent=2) + "\n"
        for name, model in (("params", Params), ("recipe", Recipe))
    }


def main() -> None:
    if sys.argv[1:] == ["--write"]:
        for name, text in schemas().items():
            Path(__file__).with_name(name).write_text(text, encoding="utf-8")
        return
    load(Path("params.yaml"), Path("recipes"))
    for path in sorted(Path("recipes").glob("*.yaml")):
        _check(path, Recipe)


if __name__ == "__main__":
    run(main, "params")
