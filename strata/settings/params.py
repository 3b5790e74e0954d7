"""The schema of params.yaml: every knob of a run, with its unit and range."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from strata.goal import PATTERN, parse
from strata.model_kinds import KINDS, STACK
from strata.scoring import NAMES
from strata.settings.fields import ByLabel, Float, Folders, Name, Section, Share

PositiveByLabel = Annotated[dict[str, Annotated[Float, Field(gt=0)]], ByLabel]
MetricName = Literal[tuple(NAMES)]


class Model(Section):
    """The kind of model that ships, and the checkpoint that training starts from."""

    kind: Literal[KINDS] = Field(
        description="The model that ships. transformer: the fine-tuned checkpoint. tfidf: baseline's TF-IDF with "
        "logistic regression; no checkpoint is fine-tuned. stack: a weighted sum of the log probabilities of both; the "
        "weights are fitted on validation rows. evaluate compares the kinds."
    )

    checkpoint: str = Field(
        min_length=1,
        description="package://NAME@VERSION/FOLDER inside an installed package, a local folder, or a hub name such as "
        "distilbert-base-uncased. A relative folder starts at the project's root.",
    )
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = Field(
        description="Commit of a hub name, 40 hexadecimal digits; null for a package or a folder."
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        description="SHA-256 of the checkpoint's model.safetensors, checked before use; null: not checked. Without it, "
        "a folder that is changed in place reruns nothing."
    )


class Ingest(Section):
    """How many unreadable rows are accepted."""

    max_rejects: Share = Field(description="Largest share of the source's rows that may be rejected, 0 to 1.")


class Standardize(Section):
    """How many unusable rows are accepted."""

    max_rejects: Share = Field(
        description="Largest share of the kept rows that may have an empty text or no label, 0 to 1."
    )


class Split(Section):
    """Which rows are for training, validation and testing. Copies, near-copies and groups stay in one split."""

    method: Literal["stratified", "stable"] = Field(
        description="stratified: each label has its exact share in every split; rows that are added later may move "
        "others. stable: a hash of each group, or text, decides, so that rows added at the end move no others; shares "
        "are approximate (a point or two in a thousand rows), and a new row is left out when it copies rows of two "
        "splits, or a row of another split than its group's."
    )
    by: Literal["random", "date"] = Field(
        description="random; or date: train on the earliest rows, validate on later ones and test on the latest, by "
        "the recipe's columns.date. Rows of one date stay together; earlier rows are left out when they are copies of, "
        "or in one group with, rows of a later split."
    )
    validation: Annotated[Float, Field(gt=0, lt=1)] = Field(description="Share of rows for validation, 0 to 1.")
    test: Annotated[Float, Field(gt=0, lt=1)] = Field(
        description="Share of rows for testing, 0 to 1; unused where the recipe brings a test file, and with folds."
    )
    folds: Annotated[int, Field(ge=2, le=100)] | None = Field(
        description="Number of folds for cross-validation: every row that is not left out is a test row in one of "
        "them; null: one split."
    )
    fold: int = Field(ge=0, description="Which fold is the test split, from 0; unused where folds is null.")
    validation_folds: Annotated[int, Field(ge=2, le=100)] | None = Field(
        description="Number of folds of the training and validation rows: the validation split is one of them, and the "
        "test split keeps its rows. A search scores settings so (strata sweep); null: one validation split."
    )
    validation_fold: int = Field(
        ge=0, description="Which of these folds is the validation split, from 0; unused where validation_folds is null."
    )
    near_duplicate: Annotated[Float, Field(ge=0.5, le=1)] = Field(
        description="Two texts are near-copies when their 3-word shingles have at least this Jaccard similarity, 0.5 "
        "to 1. Texts that are equal up to case, spacing, HTML and punctuation are always copies."
    )
    across_groups: Literal["join", "drop"] = Field(
        description="What happens to copies of a text in several groups. drop: groups stay apart, and copies that "
        "would be in two splits are left out, training rows first. join: their groups go into one split, and no row is "
        "lost; but a short text that is in every group, such as 'Yes.', joins all groups. Method stable never joins "
        "groups: of a text in two splits, it leaves out the later rows."
    )
    conflicts: Literal["keep", "majority", "drop"] = Field(
        description="What happens to rows of one text with different labels. keep: they stay as they are. majority: "
        "all get their most frequent label, and are dropped on a tie. drop: all are dropped. This includes test rows, "
        "so scores are then of easier rows; a ready-made test file is not changed."
    )

    max_left_out: Annotated[Float, Field(ge=0, le=1)] = Field(
        description="Largest share of rows, 0 to 1, that may be left out since they are tied to another split; beyond "
        "it, the stage fails."
    )

    @model_validator(mode="after")
    def _rows_are_left_for_training(self) -> "Split":
        name, test = ("1/folds", 1 / self.folds) if self.folds else ("test", self.test)
        if self.validation + test >= 1:
            raise ValueError(f"validation + {name} is {self.validation + test:g}, must be below 1")
        if self.folds and self.fold >= self.folds:
            raise ValueError(f"fold is {self.fold}, must be below folds ({self.folds})")
        if self.folds and self.validation_folds:
            raise ValueError(
                f"folds is {self.folds} and validation_folds is {self.validation_folds}; set one of them to null"
            )
        if self.validation_folds and self.validation_fold >= self.validation_folds:
            raise ValueError(
                f"validation_fold is {self.validation_fold}, must be below validation_folds ({self.validation_folds})"
            )
        if self.by == "date" and (self.folds or self.validation_folds or self.method == "stable"):
            raise ValueError(
                "by is date, which leaves no choice of folds or method; set folds and validation_folds to null, method "
                "to stratified"
            )
        return self


Change = Literal["typo", "case", "drop", "swap"]


class Resample(Section):
    """Balancing of the training rows, and changed copies of them; no other rows change."""

    share: Annotated[Float, Field(gt=0, le=1)] = Field(
        description="Share of the training rows to use, above 0 to 1. It is taken from each label before balancing; "
        "groups and copies stay together. Each smaller share is a part of the larger ones. The sweep learning_curve "
        "varies it. 1: all."
    )
    strategy: Literal["none", "undersample", "oversample", "factors", "counts"] = Field(
        description="none; undersample: as many rows of every label as of the rarest; oversample: as many as of the "
        "most frequent; factors: each label's rows times its own factor, at least one row; counts: each label's own "
        "number of rows."
    )
    factors: Annotated[dict[str, Annotated[Float, Field(gt=0, le=1000)]], ByLabel] = Field(
        description="With strategy factors, one factor for each label by name, such as {spam: 2, ham: 0.5}, or as a "
        "list, ['R&D: 2', 'NA: 0.5'], which takes every name on the command line; else null."
    )
    counts: Annotated[dict[str, Annotated[int, Field(ge=1)]], ByLabel] = Field(
        description="With strategy counts, the training rows of each label, by name or as a list like factors; else "
        "null."
    )
    augment: int = Field(
        ge=0,
        le=20,
        description="Changed copies to add for each training row, after balancing. A copy keeps the label and id of "
        "its row. TF-IDF is fitted on the copies, too. 0: off.",
    )
    augment_changes: Annotated[list[Change], Field(min_length=1)] = Field(
        description="Kinds of changes, one of which is made about once in ten words, at least once. typo: swap two "
        "letters inside a word, leave one out, or write one twice. case: write a word in capitals or in lower case, "
        "which has no effect on an uncased checkpoint. drop: leave out a word. swap: swap two neighbouring words. If "
        "none applies to a text, its copy is unchanged. evaluate's behaviour test also swaps letters, and changes the "
        "case of whole texts. After training on typo or case, its result says less about other errors."
    )

    @model_validator(mode="after")
    def _each_change_is_named_once(self) -> "Resample":
        if len(set(self.augment_changes)) < len(self.augment_changes):
            raise ValueError(f"augment_changes is {self.augment_changes}: name each once")
        return self

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

    max_length: Annotated[int, Field(ge=4)] | Literal["auto"] = Field(
        description="Most tokens of a row, special tokens included; the rest is cut off. auto: the least of 64, 128, "
        "256, ... and the model's limit that cuts at most 5% of the training rows."
    )
    window: Literal["head", "head_tail", "chunks"] = Field(
        description="Which tokens of a longer text are read. head: the first max_length. head_tail: max_length tokens, "
        "a quarter of them from the start and the rest from the end. chunks: overlapping windows of max_length tokens, "
        "up to max_chunks; their logits are averaged."
    )
    chunk_overlap: int = Field(ge=0, description="With window chunks: tokens that neighbouring windows share.")
    max_chunks: int = Field(
        ge=2, description="With window chunks: most windows of a text, to limit time and memory; the rest is cut."
    )

    @model_validator(mode="after")
    def _windows_advance(self) -> "Tokenize":
        smallest = 64 if self.max_length == "auto" else self.max_length
        if self.window == "chunks" and 2 * self.chunk_overlap > smallest:
            raise ValueError(
                f"chunk_overlap is {self.chunk_overlap}, at most {smallest // 2} is allowed, half of "
                f"{'the least max_length' if self.max_length == 'auto' else 'max_length'}; lower it"
            )
        return self


class Adapt(Section):
    """Masked-language modelling on the training rows before fine-tuning, without their labels."""

    epochs: int = Field(ge=0, description="Passes over the training rows' texts; 0: off.")
    lr: Annotated[Float, Field(gt=0, lt=1)] = Field(description="Peak learning rate of AdamW.")
    batch_size: int = Field(ge=1, description="Rows in a batch.")
    masked: Annotated[Float, Field(gt=0, lt=1)] = Field(
        description="Share of the tokens that are masked and predicted from the others, 0 to 1."
    )


class Baseline(Section):
    """TF-IDF with logistic regression, which the transformer has to beat."""

    ngram_max: int = Field(ge=1, le=5, description="Longest word n-gram; 2 counts single words and pairs.")
    min_df: int = Field(ge=1, description="Least number of training rows that an n-gram must occur in.")
    c: Annotated[Float, Field(gt=0)] = Field(description="Inverse strength of the L2 penalty (scikit-learn's C).")


class Train(Section):
    """Fine-tuning."""

    lr: Annotated[Float, Field(gt=0, lt=1)] = Field(description="Peak learning rate of AdamW.")
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        description="Course of the learning rate after the warm-up."
    )
    warmup: Annotated[Float, Field(ge=0, lt=1)] = Field(
        description="Share of all optimizer steps over which the learning rate rises from 0, 0 to 1."
    )
    weight_decay: Annotated[Float, Field(ge=0)] = Field(description="AdamW's decoupled weight decay.")
    epochs: int = Field(ge=1, description="Passes over the training rows.")
    min_steps: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        description="Least number of optimizer steps, for few rows: whole passes are added until there are that many. "
        "The number of evaluations stays the same, evenly spaced, so there are more steps between two of them, and "
        "patience lasts for more steps. null: epochs alone decides."
    )
    batch_size: int = Field(ge=1, description="Rows in a batch.")
    batch_tokens: Annotated[int, Field(ge=1)] | None = Field(
        description="Tokens in a batch, padding included, instead of batch_size: batches of short texts then have more "
        "rows; null: batches of batch_size rows."
    )
    gradient_accumulation: int = Field(ge=1, description="Batches summed into one optimizer step.")
    gradient_checkpointing: bool = Field(
        description="Compute each layer again in the backward pass: less memory, about a third more time."
    )
    max_grad_norm: Annotated[Float, Field(gt=0)] = Field(description="Norm that longer gradients are clipped to.")
    label_smoothing: Annotated[Float, Field(ge=0, lt=1)] = Field(
        description="Share of each row's target that is spread evenly over all labels, 0 to 1."
    )
    freeze_embeddings: bool = Field(description="Do not train the embeddings: faster, with less memory.")
    freeze_layers: int = Field(
        ge=0, description="Do not train the embeddings and this many of the first layers; 0: train all."
    )
    lora_rank: int = Field(
        ge=0,
        description="LoRA: train two matrices of this rank beside each linear layer, and the classifier, and merge "
        "them into the layers at the end (needs requirements-lora.txt); 0: off.",
    )
    lora_alpha: Annotated[Float, Field(gt=0)] = Field(description="LoRA's update is multiplied by alpha / rank.")
    teacher: Folders = Field(
        description="Distillation: folder of a fine-tuned model with the same labels and tokenizer, whose "
        "probabilities are learned as well, or a list of folders, whose mean probabilities are; null: none. DVC does "
        "not watch them: give another teacher another name."
    )
    teacher_weight: Annotated[Float, Field(gt=0, le=1)] = Field(
        description="Weight of the teacher in the loss, 0 to 1; the labels have the rest."
    )
    teacher_temperature: Annotated[Float, Field(gt=0)] = Field(
        description="Divisor of the logits of teacher and student; above 1, small probabilities count more."
    )
    evaluations_per_epoch: int = Field(ge=1, description="How often validation is scored in each epoch.")
    class_weights: Literal["none", "balanced"] | PositiveByLabel = Field(
        description="Weight of each label's rows in the loss. none: equal. balanced: the inverse of the label's share "
        "of the training rows. Or one number for each label, by name or as a list like resample.factors; only their "
        "ratios matter. An alternative to resample, which repeats or drops rows."
    )
    best_metric: MetricName | Literal["loss"] = Field(
        description="Validation metric that chooses the checkpoint to keep."
    )
    patience: Annotated[int, Field(ge=1)] | None = Field(
        description="Evaluations in a row without a better best_metric after which training stops; null never stops."
    )
    precision: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        description="auto: bf16 where the hardware has it, else fp16 on a GPU and fp32 on a CPU."
    )
    compile: bool = Field(
        description="Use torch.compile: a minute or more before the first step, then faster on a GPU."
    )
    deterministic: bool = Field(
        description="On a GPU, use only operations that give the same bits each time: slower, and not available for "
        "every model. On a CPU, training is always deterministic."
    )
    processes: int = Field(
        ge=1, description="Processes on each node, one a GPU, or several on a CPU; they share each batch."
    )
    nodes: int = Field(
        ge=1,
        description="Number of machines. Start the stage on each, with NODE_RANK, MASTER_ADDR and MASTER_PORT in its "
        "environment.",
    )


class Snapshots(Section):
    """The saved state from which a killed training continues. It decides no output, so no stage reruns for it."""

    minutes: Annotated[Float, Field(gt=0)] = Field(description="Minutes between two snapshots.")
    steps: Annotated[int, Field(ge=1)] | None = Field(
        description="Optimizer steps between two snapshots, instead of minutes; null: by minutes."
    )


class Watch(Section):
    """How training can be followed. It decides no output, so no stage reruns for it."""

    tensorboard: Annotated[str, Field(min_length=1)] | None = Field(
        description="Folder for TensorBoard events, such as logs; null: none. Needs requirements-tensorboard.txt."
    )


class Evaluate(Section):
    """Scoring of the fine-tuned model."""

    goal: Annotated[str, Field(pattern=f"^({PATTERN})$")] | None = Field(
        description="Goal that the decision threshold is chosen for, on validation rows: f1, f2, 'precision >= 0.9', "
        "'recall >= 0.9', or 'cost 5:1', where a missed positive row costs 5 and a false alarm 1 (two labels only); "
        "null: the likeliest label is predicted. With more labels, each has a threshold, and the scores are means over "
        "the labels. Or, with any number of labels, 'error <= 0.02': the int8 model gives a label only where it is "
        "sure, so that with 95% confidence at most this share of the given labels is wrong; 'error <= 0.02 at 99%' "
        "names another confidence."
    )
    train_rows: int = Field(ge=1, description="Training rows that are scored, for comparison with the validation rows.")
    behaviour_rows: int = Field(
        ge=0, description="Test rows that are changed in each way, to see whether the prediction changes; 0: off."
    )
    explained_errors: int = Field(
        ge=0, description="Errors whose most influential words are reported, the most confident errors first; 0: none."
    )
    batch_size: int = Field(
        ge=1, description="Rows in a batch: changes the speed, and scores by no more than rounding."
    )


Candidate = Literal["per_tensor", "per_channel", "reduce_range", "mostly_int8", "weight_only"]


class Quantize(Section):
    """ONNX export, int8, and the gate that the int8 model must pass on validation rows."""

    candidates: Annotated[list[Candidate], Field(min_length=1)] = Field(
        description="Methods to try, in this order, until one passes. per_channel: int8 with a scale for each column "
        "of a matrix. per_tensor: one scale for each matrix, no smaller and no faster, for runtimes without "
        "per_channel. reduce_range: per_channel with 7-bit weights, for CPUs without VNNI, where 8-bit products "
        "overflow. mostly_int8: per_channel, but the eighth of the matrices with the largest int8 error stay fp32. "
        "weight_only: 8-bit weights in blocks of 32, computed in fp32: smaller than fp32, and slower."
    )
    cascade: bool = Field(
        description="With model.kind stack: TF-IDF alone answers the texts that it is sure of, if that loses at most "
        "0.002 of gate_metric on validation rows, and at least 72% of them skip the transformer."
    )
    gate_metric: MetricName = Field(description="Metric by which int8 is compared with fp32.")
    max_loss: Annotated[Float, Field(ge=-1, le=1)] = Field(
        description="Largest loss of int8 in gate_metric, in its own units; 0.01 is one point of accuracy. A negative "
        "number demands a gain. A difference of one row always passes, here and in the next two limits."
    )
    max_label_loss: Annotated[Float, Field(ge=-1, le=1)] = Field(
        description="Largest loss in the recall of any label, the share of its rows that are predicted so. Where "
        "chance explains a larger loss, that is the limit instead."
    )
    min_agreement: Share = Field(description="Least share of rows with the same label from int8 and fp32.")
    max_drift: Share = Field(
        description="Largest mean total variation distance between the probabilities of int8 and fp32, 0 to 1."
    )

    @model_validator(mode="before")
    @classmethod
    def _no_candidate_has_its_former_name(cls, content: Any) -> Any:
        if isinstance(content, dict) and "keep_fp32" in (content.get("candidates") or []):
            raise ValueError(
                f"candidates names keep_fp32, which is int8 but for an eighth of the matrices; did you mean "
                f"mostly_int8? Allowed: {', '.join(get_args(Candidate))}"
            )
        return content

    @model_validator(mode="after")
    def _each_is_named_once(self) -> "Quantize":
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

    @model_validator(mode="after")
    def _a_cascade_is_of_a_stack(self) -> "Params":
        if self.quantize.cascade and self.model.kind != STACK:
            raise ValueError(
                f"quantize.cascade is true and model.kind is {self.model.kind}: a cascade needs the two models of a "
                "stack; set cascade to false"
            )
        return self

    @model_validator(mode="after")
    def _a_stack_reads_one_window(self) -> "Params":
        if self.model.kind == STACK and self.tokenize.window == "chunks":
            raise ValueError(
                "model.kind is stack and tokenize.window is chunks: a stack reads one window of a text; set window to "
                "head or head_tail, or kind to transformer"
            )
        return self

    @model_validator(mode="after")
    def _what_a_goal_promises_holds(self) -> "Params":
        goal = self.evaluate.goal
        if goal and self.quantize.cascade:
            raise ValueError(
                f"quantize.cascade is true and evaluate.goal is {goal}: the threshold would be of the stack, and most "
                "answers TF-IDF's; set cascade to false, or goal to null"
            )
        if goal and self.model.kind == STACK and parse(goal).may_abstain:
            raise ValueError(
                f"model.kind is stack and evaluate.goal is {goal}: the validation rows, to which a stack is fitted, "
                "cannot bound its errors as well; set kind to transformer or tfidf"
            )
        return self
