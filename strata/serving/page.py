"""The page of a server: a text or two with what decided, a file of texts, and the model's card.

It asks the same queue as every client, and nothing outside of this machine.
"""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported

import gradio

from strata.base.errors import StrataError
from strata.serving import labelled_csv, markup
from strata.serving.model_card import card
from strata.serving.page_files import Results
from strata.serving.refused import Refused
from strata.serving.service import Service
from strata.serving.uploaded import LARGEST, SUFFIXES, read

if TYPE_CHECKING:
    from fastapi import FastAPI

FONT, MONOSPACED = ("system-ui", "Segoe UI", "Roboto", "sans-serif"), ("ui-monospace", "Menlo", "monospace")
# without Gradio's own queue, in which an event that comes as another one ends can be lost; the service has a queue
DIRECT = {"queue": False, "api_visibility": "private"}
FILES = 2  # that are labelled at a time; others wait
KEPT = 3600  # seconds that uploaded and labelled files stay on the server's disk


def mount(app: "FastAPI", service: Service) -> None:
    """Put the page at / of a server's application."""
    gradio.mount_gradio_app(
        app, page(service), "/", show_error=False, ssr_mode=False, mcp_server=False, **_looks(), **_closed()
    )


def launch(service: Service) -> None:
    """Serve the page alone until a signal ends it, where GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say."""
    page(service).launch(share=False, quiet=True, ssr_mode=False, mcp_server=False, **_looks(), **_closed())


def _looks() -> dict[str, Any]:
    theme = gradio.themes.Base(primary_hue="blue", neutral_hue="slate", font=FONT, font_mono=MONOSPACED)
    theme = theme.set(
        body_text_color_subdued="#59636e",
        body_text_color_subdued_dark="#9aa4ae",
        button_primary_background_fill="#0a58b0",
        button_primary_background_fill_dark="#0a58b0",
        button_primary_background_fill_hover="#084a94",
        button_primary_background_fill_hover_dark="#1f6fc9",
    )
    return {"theme": theme, "css": markup.filled("page.css.j2"), "head": markup.filled("page_head.html.j2")}


def _closed() -> dict[str, Any]:
    """Return the options that leave out what Gradio has beside the page, and bound what it takes."""
    return {"footer_links": [], "run_history": False, "max_file_size": LARGEST, "enable_monitoring": False}


def page(service: Service) -> gradio.Blocks:
    """Return the page of a service's models."""
    names = service.models.names
    title = names[0] if len(names) == 1 else "Text classifiers"
    with gradio.Blocks(title=title, analytics_enabled=False, delete_cache=(KEPT, KEPT)) as blocks:
        gradio.HTML(markup.filled("head.html.j2", title=title))
        model = gradio.Dropdown(names, value=names[0], label="Model", visible=len(names) > 1, elem_id="model")
        with gradio.Tab("Try it"):
            _texts(service, model)
            _file(service, model)
        with gradio.Tab("Model card") as tab:
            text = gradio.Markdown(elem_classes="strata-card", latex_delimiters=[], elem_id="card")
        for event in (tab.select, model.change, blocks.load):
            event(lambda name: _card(service, name), model, text, show_progress="hidden", **DIRECT)
    return blocks.queue(default_concurrency_limit=None, api_open=False)


def _card(service: Service, name: str) -> str:
    return card(service.model(name).folder) or "This model folder has no card. A published one has it as README.md."


def _texts(service: Service, model: gradio.Dropdown) -> None:
    """Add two texts side by side; the second is hidden until it is asked for."""

    async def answered(name: str, text: str) -> str:
        try:
            return await _answer(service, name, text)
        except (Refused, StrataError) as error:
            return markup.error(str(error))

    with gradio.Row(equal_height=False):
        columns = [_text(number) for number in (1, 2)]
    for _, text, button, answer in columns:
        gradio.on(
            [button.click, text.submit],
            answered,
            [model, text],
            answer,
            show_progress="minimal",
            **DIRECT,
        )
    compared = gradio.Checkbox(label="Compare with a second text", elem_id="compare", container=False)
    compared.change(lambda asked: gradio.update(visible=asked), compared, columns[1][0], **DIRECT)


def _text(number: int) -> tuple[gradio.Column, gradio.Textbox, gradio.Button, gradio.HTML]:
    with gradio.Column(visible=number == 1, min_width=280, elem_id=f"column-{number}") as column:
        text = gradio.Textbox(
            label="Text" if number == 1 else "Second text",
            placeholder="Press Shift+Enter to classify",
            lines=4,
            max_lines=12,
            elem_id=f"text-{number}",
        )
        button = gradio.Button("Classify", variant="primary", scale=0, elem_id=f"go-{number}", elem_classes="strata-go")
        answer = gradio.HTML(elem_id=f"answer-{number}")
    return column, text, button, answer


async def _answer(service: Service, name: str, text: str) -> str:
    """Return the answer to a text as HTML. Raises: Refused."""
    if not text.strip():
        raise Refused(422, "type a text first")
    model = service.model(name)
    with service.begun():
        (given,) = await service.answers(model, [text], every=True)
        if given["probability"] is None:
            raise Refused(422, "nothing of this text is left once it is cleaned; type another")
        return markup.answer(await service.explanation(model, text), given["probabilities"])


def _file(service: Service, model: gradio.Dropdown) -> None:
    """Add what labels a file: upload it, choose its column of texts, and get it back."""
    results = Results()

    async def opened(name: str, path: str | None) -> tuple:
        return await _opened(service, name, path)

    async def labelled(
        name: str,
        path: str,
        choice: str,
        progress: gradio.Progress = gradio.Progress(),  # noqa: B008, Gradio's way
    ) -> tuple:
        try:
            said, out = await _labelled(service, name, Path(path), choice, results, progress)
        except (Refused, StrataError) as error:
            return _refusal(error, path), gradio.update(visible=False)
        return said, gradio.update(value=str(out), visible=True)

    gradio.HTML(markup.filled("file.html.j2"))
    with gradio.Row(equal_height=False):
        with gradio.Column(min_width=280):
            file = gradio.File(label="CSV file", file_types=list(SUFFIXES), height=150, elem_id="file")
        with gradio.Column(min_width=280):
            about = gradio.HTML(elem_id="about")
            column = gradio.Dropdown([], label="Column of texts", visible=False, elem_id="column")
            button = gradio.Button(
                "Label its rows", variant="primary", visible=False, elem_id="label-rows", elem_classes="strata-go"
            )
            said = gradio.HTML(elem_id="said")
            download = gradio.DownloadButton("Download", visible=False, elem_id="download", elem_classes="strata-go")
    shown = [about, column, button, said, download]
    gradio.on([file.change, model.change], opened, [model, file], shown, show_progress="hidden", **DIRECT)
    button.click(
        labelled,
        [model, file, column],
        [said, download],
        api_visibility="private",
        show_progress_on=said,
        concurrency_limit=FILES,
    )


async def _opened(service: Service, name: str, path: str | None) -> tuple:
    """Return what stands below a file: what it is, its columns, the button, and no result."""
    hidden = gradio.update(visible=False)
    if path is None:
        return "", hidden, hidden, "", hidden
    try:
        upload = await asyncio.to_thread(read, Path(path), service.model(name).predictor.preparation)
    except (Refused, StrataError) as error:
        return _refusal(error, path), hidden, hidden, "", hidden
    column = gradio.update(choices=list(upload.choices), value=upload.text, visible=len(upload.choices) > 1)
    about = markup.filled("upload.html.j2", name=Path(path).name, upload=upload)
    return about, column, gradio.update(visible=True), "", hidden


async def _labelled(
    service: Service, name: str, path: Path, choice: str, results: Results, progress: gradio.Progress
) -> tuple[str, Path]:
    """Return what a labelled file holds, as HTML, and its path. Raises: Refused, StrataError."""
    model = service.model(name)
    upload = await asyncio.to_thread(read, path, model.predictor.preparation)
    if choice not in upload.choices:
        raise StrataError("choose the column of texts")
    rows = await asyncio.to_thread(upload.texts, choice, model.predictor.preparation)
    with service.begun():
        answered = await labelled_csv.answers(
            service, model, rows, lambda done: progress((done, len(rows)), desc="Labelling", unit="rows")
        )
    out = results.path(f"{path.stem}-labelled.csv")
    may_abstain = model.predictor.abstain_below is not None
    await asyncio.to_thread(labelled_csv.write, out, upload, answered, may_abstain)
    counts = labelled_csv.counts(answered)
    return markup.filled("counts.html.j2", counts=counts.most_common(), total=counts.total()), out


def _refusal(error: Exception, path: str) -> str:
    """Return an error as HTML, without the folder that an uploaded file lies in."""
    return markup.error(str(error).replace(path, Path(path).name))
