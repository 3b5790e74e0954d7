"""The schema of params.yaml: every knob of a run, with its unit and range."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from strata.goal import PATTERN
from strata.scoring import NAMES
from strata.settings.fields import Float, Name, Section, Share

MetricName = Literal[tuple(NAMES)]


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
