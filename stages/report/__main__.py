"""Write what an outsider reads: the answer, the models compared and where the model fails, in tables and pictures.

    python -m stages.report --params params.yaml --recipes recipes --metrics metrics --plots plots \
        --labels data/standardize/labels.json --evaluate data/evaluate --sweeps plots/sweep --pictures plots/report \
        --html report.html --markdown report.md --card model_card.md

report.html needs no other file; report.md links to the pictures; model_card.md, which `strata publish` sends along,
quotes no text. Every figure is another stage's. The sentences are in the templates, the words in glossary.toml.
"""

import os
from pathlib import Path
from urllib.parse import quote

from jinja2 import UndefinedError

from strata.base import command_line, files
from strata.base.errors import StrataError
from strata.card import REPOSITORY
from strata.settings.params import Params
from strata.settings.reader import read_settings
from strata.settings.recipe import Recipe


def main(argv: list[str] | None = None) -> None:
    read = "--metrics", "--plots", "--labels", "--evaluate", "--sweeps"
    args = command_line.arguments(__doc__, argv, *read, "--pictures", "--html", "--markdown", "--card")
    settings, recipe = read_settings(args.params, args.recipes)
    from stages.report import gallery, results, search  # takes seconds, so a wrong parameter is reported first

    try:
        values = results.read(args.metrics, args.plots, args.evaluate, args.labels)
        values["searches"] = search.read(args.sweeps, args.params, settings)
        values["kind"], values["models"] = settings.model.kind, results.models_of(settings.model.kind, values)
        values["pictures"] = gallery.pictures(values)
        values["folder"] = quote(Path(os.path.relpath(args.pictures, args.markdown.parent)).as_posix())
        texts = dict(zip((args.markdown, args.html, args.card), written(values, settings, recipe), strict=True))
    except (KeyError, UndefinedError) as error:
        raise StrataError(f"{error} is missing in what the stages wrote; run them again: dvc repro") from None
    with files.replace_folder(args.pictures) as folder:
        for name, svg in values["pictures"].items():
            (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    for path, text in texts.items():
        with files.replace_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    print(f"report: {texts[args.html].count('<table')} tables, {len(values['pictures'])} pictures")
    for path in values["absent"]:
        print(f"report: left out, missing file: {path}")


def written(values: dict, settings: Params, recipe: Recipe) -> tuple[str, str, str]:
    """Return the report as Markdown and as HTML, and the card. values: as stages/report/results.py reads them."""
    from stages.report import card, page, render, results

    values |= {"recipe": settings.recipe, "checkpoint": settings.model.checkpoint, "repository": REPOSITORY}
    values["method"] = f"{settings.split.method}, {settings.split.by}"
    values["noise"], values["reads"] = values["label_noise"], values["baseline"]["tfidf"]["reads"]
    values["doubled"] = ()
    if values["labels"].positive is None:  # then F1 is the macro F1, and precision, recall and F2 are such means
        values["doubled"], values["metrics"] = ("f1",), results.macro_titles(values["metrics"])
    text = render.markdown("report.md.j2", values)
    return text, page.page(text, values), card.card(values, settings, recipe)


if __name__ == "__main__":
    command_line.run(main, "report")
