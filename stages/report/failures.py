"""Where the model fails, which labels to look at, and how it breaks."""

import pandas as pd

from stages.report.content import NOTHING, Cell, Section, Table, Text, between, count, number, points, row, share
from stages.report.results import Results
from stages.report.words import CHANGES, ERROR_KINDS

SLICES, PAIRS, ERRORS, SUSPECTS = 20, 10, 20, 12  # lines of a table, at most
SURE = 0.05  # adjusted p-value up to which a slice stands out
LONGEST = 280  # characters of a text that are shown


def shown(text: str) -> str:
    """A text in one line without control characters, cut where it is long.

    >>> shown("a\\n b" + chr(0x202E))
    'a b'
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def where(results: Results, pictures: list) -> Section:
    lists = results.lists
    blocks = [*pictures, *slices(lists["slices"]), *kinds(lists["error_kinds"]), *confusions(lists["confusions"])]
    blocks += errors(lists["errors"])
    return Section("failures", "Where it fails", blocks or [Text("No list of errors was written.")])


def slices(table: pd.DataFrame) -> list:
    if table.empty:
        return []
    table = table.assign(sure=table["p_adjusted"] <= SURE)
    table = table.sort_values(
        ["sure", "difference", "kind", "name"], ascending=[False, True, True, True], kind="stable"
    )
    lines = [
        row(
            line.kind.replace("_", " "),
            shown(line.name),
            count(line.rows),
            count(line.errors),
            Cell(share(line.accuracy), between(line.low, line.high, share)),
            points(line.difference),
            "yes" if line.sure else "may be chance",
        )
        for line in table.head(SLICES).itertuples(index=False)
    ]
    figures = ["texts", "errors", "accuracy", "points"]
    return [
        Text(
            "Groups of test texts, and every word and length that stands out among all that were looked at"
            f"{'' if table['kind'].str.startswith('found').any() else ', of which there is none'}. Points: the group's "
            "accuracy less that of all other texts. With so many looked at, some differ by chance; the last column "
            "takes that into account."
        ),
        Table(
            f"Slices: the sure ones first, then by accuracy; {len(lines)} of {count(len(table))}",
            ["kind", "slice", *figures, "stands out"],
            lines,
            frozenset(figures),
        ),
    ]


def kinds(table: pd.DataFrame) -> list:
    if table.empty:
        return []
    lines = [
        row(
            ERROR_KINDS.get(line.kind, line.kind),
            count(line.errors),
            share(line.share_of_errors),
            share(line.share_of_rows),
            share(line.error_rate),
        )
        for line in table.itertuples(index=False)
    ]
    figures = ["errors", "of all errors", "of all texts", "wrong in it"]
    return [
        Table("Kinds of errors; a text may be of several", ["texts with", *figures], lines, frozenset(figures)),
        Text(
            "A kind explains errors only where its share of the errors is well above its share of all texts. The word "
            "lists are English.",
            "note",
        ),
    ]


def confusions(table: pd.DataFrame) -> list:
    if table.empty:
        return []
    lines = [
        row(line.actual, line.predicted, count(line.rows), share(line.share))
        for line in table.head(PAIRS).itertuples(index=False)
    ]
    figures = ["texts", "of that label"]
    title = "The labels that are confused most"
    return [Table(title, ["right label", "given label", *figures], lines, frozenset(figures))]


def errors(table: pd.DataFrame) -> list:
    if table.empty:
        return []
    lines = [
        row(
            line["id"],
            Cell(shown(line["text"]), f"most influential: {shown(line['words'])}" if line.get("words") else ""),
            line["label"],
            line["prediction"],
            share(line["probability"]),
            kind_words(line.get("kinds", "")),
        )
        for line in table.head(ERRORS).to_dict("records")
    ]
    return [
        Table(
            f"The surest errors, {len(lines)} of {count(len(table))}; all are in data/evaluate/errors.csv",
            ["id", "text", "right", "given", "certainty", "kinds"],
            lines,
            frozenset({"id", "certainty"}),
            wide=True,
        )
    ]


def kind_words(kinds: str) -> str:
    return ", ".join(name.replace("_", " ") for name in kinds.split(", "))


def labels_to_look_at(results: Results) -> Section | None:
    noise, table = results.test.get("label_noise"), results.lists["suspects"]
    if not noise:
        return None
    said = (
        f"{count(noise.get('suspects'))} texts carry a label that the model, not trained on them, confidently "
        f"disagrees with; the estimate is that {share(noise.get('share'))} of the labels are wrong. This is a list of "
        "texts to look at, not a proof: it cannot tell a wrong label from a confident mistake of the model, so the "
        "estimate is too high."
    )
    check = noise.get("check") or {}
    if check.get("recall") is not None:
        said += (
            f" As a check, {count(check.get('flipped'))} labels were made wrong on purpose: {share(check['recall'])} "
            f"of them were found, and {share(check.get('precision'))} of the list were such."
        )
    blocks = [Text(said)]
    if not table.empty:
        lines = [
            row(line["id"], shown(line["text"]), line["label"], line["suggested"], number(line["score"]))
            for line in table.head(SUSPECTS).to_dict("records")
        ]
        title = f"Labels to look at, {len(lines)} of {count(len(table))}; all are in data/evaluate/suspects.csv"
        columns = ["id", "text", "its label", "suggested", "margin"]
        blocks.append(Table(title, columns, lines, frozenset({"id", "margin"}), wide=True))
    return Section("labels", "Labels to look at", blocks)


def breaks(results: Results) -> Section | None:
    measured = {kind: values for kind, values in (results.test.get("behaviour") or {}).items() if values}
    if not measured:
        return None
    lines = []
    for kind, values in measured.items():
        title, wanted = CHANGES.get(kind, (kind, NOTHING))
        ends = between(values.get("changed_low"), values.get("changed_high"), share)
        changed = Cell(share(values.get("changed")), ends)
        lines.append(row(title, wanted, count(values.get("rows")), changed, points(values.get("shift"))))
    figures = ["texts", "changed label", "certainty, points"]
    return Section(
        "behaviour",
        "How it breaks",
        [
            Text(
                "Test texts were changed in ways that should not matter, or that should. Where the label should stay, "
                "each change of label is a fault. Certainty: by how much the probability of the first label rises."
            ),
            Table("Texts whose label changes", ["change", "label should", *figures], lines, frozenset(figures)),
        ],
    )
