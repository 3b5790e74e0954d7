"""Write what an outsider reads: the answer, the models compared, where the model fails, in tables and pictures.

    python -m stages.report --params params.yaml --recipes recipes --metrics metrics --plots plots \
        --labels data/standardize/labels.json --evaluate data/evaluate --pictures plots/report --html report.html \
        --markdown report.md --card model_card.md

report.html needs no other file; report.md links to the SVG files in the folder of pictures; model_card.md is the README
that `strata publish` sends along with the model, and quotes no text. Computes nothing: every
figure is one that another stage wrote.
"""

import os
from pathlib import Path

from stages.report import results as found
from stages.report.content import Code, Picture, Section, Table, Text, row
from stages.report.results import Results
from stages.report.words import GLOSSARY, SCORES
from strata.base import command_line, files
from strata.settings.reader import read_settings


def compose(results: Results, recipe: str, checkpoint: str, method: str) -> list[Section]:
    """The report's sections; those without anything to say are left out."""
    from stages.report import gallery  # takes a second, so a wrong parameter is told before it
    from stages.report.comparison import comparison, probabilities, small_version, unseen
    from stages.report.failures import breaks, labels_to_look_at, where
    from stages.report.summary import answer, data

    sections = [
        answer(results),
        data(results, recipe, checkpoint, method),
        comparison(results, gallery.curves(results) + gallery.confusion(results)),
        probabilities(results, gallery.reliability(results) + gallery.threshold(results)),
        where(results, gallery.score_by_length(results)),
        labels_to_look_at(results),
        breaks(results),
        small_version(results),
        Section("training", "How training went", [*gallery.training(results), *unseen(results)]),
        usage(),
        glossary(),
    ]
    return [section for section in sections if section]


def usage() -> Section:
    return Section(
        "use",
        "How to use it",
        [
            Text("In Python, with the model's folder at hand:"),
            Code(
                "from transformers import pipeline\n"
                'classify = pipeline("text-classification", model="models/train")\n'
                'classify("a text of yours")'
            ),
            Text(
                "models/train holds the model in fp32 as training left it: neither its probabilities nor, where "
                "balancing was undone or a threshold chosen, its labels are those of this report. models/quantize "
                "has it with calibrated probabilities, in fp32 and small, for transformers, ONNX Runtime and, in the "
                "browser, transformers.js; its config.json has the threshold, if one was chosen, and the label it is "
                "of. Without torch, in half a second: strata predict models/quantize."
            ),
            Text(
                "All of this can be repeated to the byte. The steps from the source file to this page are run by DVC, "
                "a program that keeps a record of data and results next to the code; make repro runs those whose "
                "inputs have changed. The figures here are in the folders metrics and plots."
            ),
        ],
    )


def glossary() -> Section:
    lines = [row(title, f"{meaning[0].upper()}{meaning[1:]}") for title, meaning in (*GLOSSARY, *SCORES.values())]
    return Section("words", "What the words mean", [Table("In a sentence each", ["word", "meaning"], lines, wide=True)])


def write(sections: list[Section], title: str, page: Path, markdown: Path, pictures: Path) -> None:
    from stages.report import page as written

    folder = Path(os.path.relpath(pictures, markdown.parent)).as_posix()
    with files.replace_folder(pictures) as made:
        for picture in [block for section in sections for block in section.blocks if isinstance(block, Picture)]:
            (made / f"{picture.name}.svg").write_text(picture.svg, encoding="utf-8")
    for path, text in (
        (page, written.html(title, sections)),
        (markdown, written.markdown(title, sections, folder)),
    ):
        with files.replace_file(path) as partial:
            partial.write_text(text, encoding="utf-8")


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(
        __doc__, argv, "--metrics", "--plots", "--labels", "--evaluate", "--pictures", "--html", "--markdown", "--card"
    )
    settings, recipe = read_settings(args.params, args.recipes)
    from stages.report.card import card  # takes a second, so a wrong parameter is told before it

    results = found.read(args.metrics, args.plots, args.evaluate, args.labels)
    method = f"{settings.split.method}, by {settings.split.by}"
    sections = compose(results, settings.recipe, settings.model.checkpoint, method)
    write(sections, f"Classifying {settings.recipe}: the report", args.html, args.markdown, args.pictures)
    with files.replace_file(args.card) as partial:
        partial.write_text(card(results, settings, recipe, method), encoding="utf-8")
    blocks = [block for section in sections for block in section.blocks]
    drawn, tables = (sum(isinstance(block, kind) for block in blocks) for kind in (Picture, Table))
    print(f"report: {len(sections)} sections, {tables} tables, {drawn} pictures")
    for path in results.absent:
        print(f"report: left out, for want of {path}")


if __name__ == "__main__":
    command_line.run(main, "report")
