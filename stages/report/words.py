"""The plain words for the project's names."""

SCORES = {
    "accuracy": (
        "Accuracy",
        "share of texts that get the right label; 1 is best. With uneven labels, always answering "
        "the most frequent one already scores high, so read it beside that line.",
    ),
    "precision": ("Precision", "of the texts that get the label, the share that really carry it; 1 is best."),
    "recall": ("Recall", "of the texts that carry the label, the share that get it; 1 is best."),
    "f1": ("F1", "one figure for precision and recall (their harmonic mean), low when either is low; 1 is best."),
    "f2": ("F2", "as F1, but recall counts more: for when a miss costs more than a false alarm; 1 is best."),
    "f1_macro": (
        "F1, all labels alike",
        "the F1 of each label, averaged, so that a rare label counts as much as a frequent one; 1 is best.",
    ),
    "f1_weighted": ("F1, by frequency", "the F1 of each label, averaged by how many texts carry it; 1 is best."),
    "roc_auc": (
        "ROC-AUC",
        "the chance that a text with the label gets a higher probability of it than a text without; "
        "0.5 is a coin toss, 1 is best.",
    ),
    "pr_auc": (
        "PR-AUC",
        "average precision over all thresholds; a coin toss scores the label's share of the texts, 1 is best.",
    ),
    "mcc": ("MCC", "correlation between the right and the given labels (Matthews); 0 is chance, 1 is best."),
    "balanced_accuracy": (
        "Balanced accuracy",
        "the recall of each label, averaged; guessing scores 1 divided by the number of labels, 1 is best.",
    ),
    "brier": ("Brier score", "mean squared error of the probabilities; 0 is best."),
    "ece": (
        "Calibration error (ECE)",
        "how far the stated certainty is from the share that is right, on average; 0 is best.",
    ),
    "log_loss": (
        "Log loss",
        "how surprised the model is by the right label; to be sure and wrong costs most; 0 is best.",
    ),
}
"""Title and meaning of each of NAMES in strata/scoring.py, which takes seconds to import."""

GLOSSARY = (
    (
        "95% interval",
        "if the test were repeated with other texts of the same kind, about 95 of 100 such intervals would "
        "hold the true value; two models whose intervals overlap may still differ, which is why they are also compared "
        "text by text.",
    ),
    (
        "Better, worse",
        "said only where the difference holds text by text: its 95% interval excludes 0 and an exact "
        "test (McNemar, or sign flips over groups) gives p below 0.05.",
    ),
    ("p", "how often chance alone would make a difference at least as large; small means not chance."),
    ("Point", "one hundredth: from 80% to 81% is one point."),
    (
        "Training, validation, test",
        "texts to learn from; texts to choose settings on; texts that had no say in anything "
        "and are scored at the end. Scores here are of test texts unless they say otherwise.",
    ),
    (
        "Probability, threshold",
        "the model gives each label a probability; with two labels, the threshold says from "
        "which probability on the positive one is given.",
    ),
    (
        "Calibration, temperature",
        "a calibrated model that says 80% is right in 80 of 100 cases; the temperature is the "
        "number by which certainty is scaled down (above 1) or up to get there.",
    ),
    ("fp32, int8", "the model's numbers stored in 32 bits, or rounded to 8: a quarter of the size, and faster."),
    (
        "TF-IDF",
        "a simple model on the words and pairs of words that a text holds, weighed by how rare they are, with "
        "logistic regression: what a larger model has to beat.",
    ),
    ("Slice", "the test texts that share a trait, such as a length or a word."),
)

MODELS = {
    "majority": "Always the most frequent label",
    "tfidf": "Word counts (TF-IDF)",
    "untuned": "The model before training",
    "fp32": "Fine-tuned, fp32",
    "int8": "Fine-tuned, int8",
}

ERROR_KINDS = {
    "very_short": "very short",
    "contrast": "a contrast (but, although, ...)",
    "negation": "a negation (not, never, ...)",
    "hedged": "hedged (perhaps, seems, ...)",
    "truncated": "longer than the model reads",
    "probably_mislabelled": "perhaps labelled wrongly: two models agree on another label",
    "other": "none of these",
}

CHANGES = {
    "typos": ("Typing errors: letters swapped", "stay"),
    "case": ("Written in capitals", "stay"),
    "punctuation": ("Full stop added or removed", "stay"),
    "names": ("First names exchanged", "stay"),
    "sentence": ("A neutral sentence added", "stay"),
    "negation": ('A "not" added or removed', "often change"),
}
"""What each kind of changed text is, and what the label should do."""
