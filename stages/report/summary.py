"""The answer in a sentence, and what was trained on what."""

from stages.report.content import Cell, Section, Table, Text, between, count, listed, row, share
from stages.report.results import Results
from stages.report.words import MODELS

SPLITS = {"train": "training", "validation": "validation", "test": "test"}


def answer(results: Results) -> Section:
    """How good, how sure, and better than what: for a reader who reads nothing else."""
    scored = results.test
    ends = (scored.get("interval") or {}).get("accuracy") or {}
    interval = between(ends.get("low"), ends.get("high"), share)
    said = f"The model gives {share(scored['accuracy'])} of {count(results.test_rows)} unseen texts the right label"
    said += f" (95% interval {interval})" if interval else ""
    blocks = [Text(f"{said}. {compared(results, 'tfidf')}".strip(), "lead")]
    majority = (results.metrics["baseline"].get("majority") or {}).get("accuracy")
    others = [compared(results, "majority"), compared(results, "untuned")]
    if majority is not None:
        others.insert(0, f"Always answering with the most frequent label is right in {share(majority)}.")
    small = results.metrics["quantize"]
    if small.get("size_mb") is not None:
        others.append(
            f"The small version (int8, {small['size_mb']} MB of {small['fp32_size_mb']} MB) gives "
            f"{share(small['accuracy'])} the right label, and the same label as the large one in "
            f"{share(small['agreement'])}."
        )
    return Section("answer", "The answer", [*blocks, Text(" ".join(said for said in others if said))])


def compared(results: Results, other: str) -> str:
    """The verdict of the paired comparison with another model, as a sentence; empty where there is none."""
    verdict = ((results.test.get("against") or {}).get(other) or {}).get("words")
    if not verdict:
        return ""
    names = {"tfidf": "a simple model on word counts (TF-IDF)", "majority": "that", "untuned": "before training"}
    if verdict.startswith(("better", "worse")):
        return (
            f"That is {verdict} than {names[other]}."
            if other == "tfidf"
            else (f"The model is {verdict} than {names[other]}.")
        )
    return f"Compared with {MODELS[other][0].lower()}{MODELS[other][1:]}: {verdict}."


def data(results: Results, recipe: str, checkpoint: str, method: str) -> Section:
    """The rows, their labels and splits, and what was left out."""
    metrics, names = results.metrics, results.labels.names
    positive = f"; {results.labels.positive} counts as the positive one" if results.labels.positive else ""
    trained = (
        f"The recipe {recipe} says which texts are used and what their labels mean: {len(names)} labels, "
        f"{listed(names)}{positive}. The model starts from {checkpoint} and was trained for "
        f"{count(metrics['train'].get('steps'))} steps on {count(sum(metrics['resample']['after'].values()))} texts; "
        "of the states that it went through, the one that did best on validation texts was kept"
    )
    trained += f" (step {count(metrics['train']['best_step'])})." if metrics["train"].get("best_step") else "."
    if metrics["adapt"].get("steps"):
        trained += (
            f" Before, it read the training texts without their labels for {count(metrics['adapt']['steps'])} steps."
        )
    cut = metrics["tokenize"]["train"]["truncated_share"]
    if cut:
        trained += f" It reads the beginning of the {share(cut)} of them that are longer than its limit."
    blocks = [Text(trained), splits(results), Text(honest(results, method)), funnel(results)]
    before, after = metrics["resample"]["before"], metrics["resample"]["after"]
    if before != after:
        blocks.append(
            Text(
                f"The training texts, and only they, were balanced: from {count(sum(before.values()))} to "
                f"{count(sum(after.values()))}. Validation and test texts keep the labels' natural shares."
            )
        )
    return Section("data", "What was trained on what", blocks)


def splits(results: Results) -> Table:
    """Rows and shares of each label in each split."""
    metrics = results.metrics["split"]

    def cell(split: str, name: str) -> Cell:
        rows, total = metrics[split]["labels"].get(name, 0), metrics[split]["rows"]
        return Cell(count(rows), share(rows / total) if total else "")

    lines = [row(name, *(cell(split, name) for split in SPLITS)) for name in results.labels.names]
    total = row("all", *(Cell(count(metrics[split]["rows"])) for split in SPLITS))
    return Table("Texts of each label", ["label", *SPLITS.values()], [*lines, total], frozenset(SPLITS.values()))


def honest(results: Results, method: str) -> str:
    """What was done so that no test text was seen in training."""
    split = results.metrics["split"]
    across, copies, left = split["across_splits"], split["copies"], split["left_out"]
    pairs = across["exact"] + across["near"]
    said = (
        f"The texts were split ({method}) with copies and near-copies on one side: {count(copies['rows_in_clusters'])} "
        f"texts are a copy or near-copy of another. Counted again after the split, {count(pairs) if pairs else 'no'} "
        f"pairs of copies and {count(across['groups']) if across['groups'] else 'no'} groups are on two sides."
    )
    conflicts = split["conflicts"]["texts"]
    if conflicts:
        said += f" {count(conflicts)} texts occur with different labels."
    out = sum(left.values())
    return said + (
        f" {count(out)} texts were left out ({reasons(left)})." if out else " No text was left out of the split."
    )


def reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {count(value)}" for name, value in counts.items() if value)


def funnel(results: Results) -> Table:
    """From the source's rows to those that were split."""
    lines = []
    for source, read in results.metrics["ingest"].items():
        file = "" if source == "train" else f" ({source} file)"
        lines.append(row(f"rows in the source{file}", count(read["rows"])))
        lines += [row(f"unreadable: {reason}", f"-{count(n)}") for reason, n in read.get("rejects", {}).items()]
        kept = results.metrics["standardize"].get(source)
        if kept:
            lines += [row(f"not wanted by the recipe: {rule}", f"-{count(n)}") for rule, n in kept["filtered"].items()]
            lines += [row(f"unusable: {reason}", f"-{count(n)}") for reason, n in kept["rejected"].items()]
            lines.append(row(f"rows to split{file}", count(kept["rows"])))
    left = {name: n for name, n in results.metrics["split"]["left_out"].items() if n}
    lines += [row(f"left out of the split: {name.replace('_', ' ')}", f"-{count(n)}") for name, n in left.items()]
    lines.append(row("rows in training, validation and test", count(results.metrics["split"]["all"]["rows"])))
    return Table("From the source to the splits", ["", "rows"], lines, frozenset({"rows"}))
