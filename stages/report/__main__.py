"""Write what an outsider reads: the answer, the models compared, where the model fails, in tables and pictures.

    python -m stages.report --params params.yaml --recipes recipes --metrics metrics --plots plots \
        --labels data/standardize/labels.json --evaluate data/evaluate --pictures plots/report --html report.html \
        --markdown report.md --card model_card.md

report.html needs no other file; report.md links to the pictures; model_card.md, which `strata publish` sends along,
quotes no text. Every figure is another stage's. The sentences are in the templates, the words in glossary.toml.
"""

import os
from pathlib import Path
from urllib.parse import quote

from jinja2 import UndefinedError

from stages.shared import card, command, files, params


def main(argv: list[str] | None = None) -> None:
    args = command.arguments(
        __doc__, argv, "--metrics", "--plots", "--labels", "--evaluate", "--pictures", "--html", "--markdown", "--card"
    )
    settings, recipe = params.load(args.params, args.recipes)
    from stages.report import card as model_card  # takes seconds, so a wrong parameter is told before
    from stages.report import gallery, page, render, results

    try:
        values = results.read(args.metrics, args.plots, args.evaluate, args.labels)
        values |= {"recipe": settings.recipe, "checkpoint": settings.model.checkpoint, "repository": card.REPOSITORY}
        values["method"] = f"{settings.split.method}, {settings.split.by}"
        values["folder"] = quote(Path(os.path.relpath(args.pictures, args.markdown.parent)).as_posix())
        values["pictures"] = pictures = gallery.pictures(values)
        text = render.markdown("report.md.j2", values)
        texts = {args.markdown: text, args.card: model_card.card(values, settings, recipe)}
    except (KeyError, UndefinedError) as error:
        raise command.StageError(f"{error} is missing in what the stages wrote; run them again: dvc repro") from None
    looks = {title: gallery.LOOKS[model] for model, title in values["models"].items()}
    texts[args.html] = page.page(text, pictures, looks)
    for path, content in texts.items():
        with files.replace_file(path) as partial:
            partial.write_text(content, encoding="utf-8")
    with files.replace_folder(args.pictures) as folder:
        for name, svg in pictures.items():
            (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"report: {text.count('| --')} tables, {len(pictures)} pictures")
    for path in values["absent"]:
        print(f"report: left out, for want of {path}")


if __name__ == "__main__":
    command.run(main, "report")
