"""The models beside each other, their probabilities, and the small version."""

from stages.report.content import Section, Table, Text, between, count, listed, number, points, row, score, share
from stages.report.results import Results
from stages.report.words import MODELS, SCORES

HEADLINE = ("accuracy", "f1_macro", "mcc", "roc_auc", "ece")


def models(results: Results) -> dict[str, dict]:
    """The scores of each model on the test rows; those that are not there are left out."""
    metrics = results.metrics
    scored = {
        "majority": metrics["baseline"].get("majority"),
        "tfidf": metrics["baseline"].get("tfidf"),
        "untuned": metrics["evaluate"].get("untuned"),
        "fp32": metrics["evaluate"],
        "int8": metrics["quantize"],
    }
    return {name: values for name, values in scored.items() if values}


def comparison(results: Results, curves: list) -> Section:
    scored = models(results)
    small = results.metrics["quantize"]
    sizes = {"fp32": small.get("fp32_size_mb"), "int8": small.get("size_mb")}
    titles = [SCORES[name][0] for name in HEADLINE]
    first = Table(
        f"All models on the same {count(results.test_rows)} test texts, with 95% intervals",
        ["model", *titles, "size"],
        [
            row(
                MODELS[model],
                *(score(values, name) for name in HEADLINE),
                f"{sizes[model]} MB" if sizes.get(model) else "",
            )
            for model, values in scored.items()
        ],
        frozenset({*titles, "size"}),
    )
    columns = [MODELS[model] for model in scored]
    every = Table(
        "Every score on the test texts"
        + (f"; precision, recall, F1 and F2 are of {results.labels.positive}" if results.labels.positive else ""),
        ["score", *columns],
        [row(title, *(score(values, name) for values in scored.values())) for name, (title, _) in SCORES.items()],
        frozenset(columns),
    )
    blocks = [first, *verdicts(results), every, *curves]
    return Section("models", "The models compared", blocks)


def verdicts(results: Results) -> list:
    against = results.test.get("against") or {}
    lines = []
    for other, verdict in against.items():
        if verdict:
            flips = verdict.get("mcnemar") or {}
            only = [count(flips.get(key)) for key in ("only_ours", "only_theirs")]
            p = flips.get("p")
            lines.append(
                row(
                    MODELS.get(other, other),
                    verdict["words"],
                    *only,
                    number(p) if p is None or p >= 0.001 else "< 0.001",
                )
            )
    figures = ["right only here", "right only there", "p"]
    title = "The fine-tuned model against the others, text by text"
    return [Table(title, ["against", "verdict on accuracy", *figures], lines, frozenset(figures))] if lines else []


def unseen(results: Results) -> list:
    """Scores on the three splits: a large gap means that the model learned its training texts by heart."""
    parts = {
        "training (a sample)": results.test.get("train"),
        "validation": results.test.get("validation"),
        "test": results.test,
    }
    parts = {name: values for name, values in parts.items() if values}
    names = ("accuracy", "f1_macro", "log_loss")
    titles = [SCORES[name][0] for name in names]
    lines = [row(part, *(score(values, name) for name in names)) for part, values in parts.items()]
    return [
        Table(
            "The fine-tuned model on texts that it has and has not seen", ["texts", *titles], lines, frozenset(titles)
        ),
        Text("Training far above test means that the model knows its training texts by heart.", "note"),
    ]


def probabilities(results: Results, pictures: list) -> Section:
    """Calibration and the decision threshold."""
    blocks = []
    calibration, decision = results.test.get("calibration"), results.test.get("decision")
    if calibration and calibration.get("before") and calibration.get("after"):
        temperature = calibration.get("temperature")
        lines = [
            row(SCORES[name][0], number(calibration["before"].get(name)), number(calibration["after"].get(name)))
            for name in ("ece", "brier", "log_loss")
        ]
        blocks += [
            Text(
                "The stated certainty was adjusted on validation texts and is measured here on test texts. The "
                f"temperature is {number(temperature)}: before, the model was "
                + ("too sure of itself." if (temperature or 1) > 1 else "less sure than it had reason to be.")
            ),
            Table(
                "Probabilities before and after calibration; lower is better",
                ["score", "before", "after"],
                lines,
                frozenset({"before", "after"}),
            ),
        ]
        shift = {name: value for name, value in (calibration.get("shift") or {}).items() if value}
        if shift:
            told = listed([f"{name} {value:+.2f}" for name, value in shift.items()])
            blocks.append(
                Text(f"Balancing the training texts shifted the labels' log odds, which is undone by {told}.")
            )
    blocks.append(Text(decided(decision, results.labels.positive)))
    return Section("probabilities", "Can the probabilities be believed?", blocks + pictures)


def decided(decision: dict | None, positive: str | None) -> str:
    threshold = (decision or {}).get("threshold")
    if threshold is None:
        return "Each text gets the label of the largest probability."
    goal = f" for the goal {decision['goal']}" if decision.get("goal") else ""
    return (
        f"A text gets the label {positive} where its probability is at least {threshold:.3g}; this threshold was "
        f"chosen on validation texts{goal}, never on test texts."
    )


def small_version(results: Results) -> Section:
    """What rounding the model to 8 bits saves and costs, and what was tried."""
    small = results.metrics["quantize"]
    ends = (small.get("interval") or {}).get("accuracy") or {}
    interval = between(ends.get("low"), ends.get("high"), share)
    lines = [
        row("size", f"{small.get('size_mb')} MB of {small.get('fp32_size_mb')} MB"),
        row("accuracy on test texts", share(small.get("accuracy")) + (f" ({interval})" if interval else "")),
        row("accuracy lost on test texts, in points", points(small.get("accuracy_loss"))),
        row("same label as the large one, test texts", share(small.get("agreement"))),
        row("mean change of the probabilities, in points", points(small.get("drift"))),
    ]
    tried = [
        row(
            name.replace("_", " "),
            f"{found['size_mb']} MB",
            number(found.get("loss")),
            share(found.get("agreement")),
            points(found.get("drift")),
            f"refused: {found['refused']}" if found["refused"] else "taken",
        )
        for name, found in small.get("tried", {}).items()
    ]
    figures = ["size", "lost", "same label", "drift, points"]
    return Section(
        "small",
        "The small version",
        [
            Text("The model again, its numbers rounded to 8 bits (int8), for machines without a GPU and for browsers."),
            Table("int8 against fp32", ["", "int8"], lines),
            Table(
                "What was tried, on validation texts; the first within all limits was taken. Lost: of "
                f"{SCORES[small['gate_metric']][0]}",
                ["candidate", *figures, ""],
                tried,
                frozenset(figures),
            ),
        ],
    )
