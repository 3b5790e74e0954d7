"""The Markdown of a report as an HTML page that needs no other file."""

import re
from pathlib import Path

from jinja2 import Environment
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from stages.report.gallery import LOOKS
from stages.report.pictures import COLOURS
from stages.report.render import STRICT

LONG = 60  # characters of a cell, from which on its column needs room
WIDE = 400  # points of a picture, from which on it is not made smaller


class Renderer(RendererHTML):
    """Tables in a region that scrolls, pictures inside the page. env: pictures, SVG by name."""

    def table_open(self, tokens, i, options, env) -> str:
        label = self.renderInlineAsText(tokens[i - 2].children, options, env)
        return Markup('<div class="scroll" tabindex="0" role="region" aria-label="{}">\n<table>\n').format(label)

    def table_close(self, tokens, i, options, env) -> str:
        return "</table>\n</div>\n"

    def fence(self, tokens, i, options, env) -> str:
        return Markup('<pre tabindex="0"><code>{}</code></pre>\n').format(tokens[i].content)

    def image(self, tokens, i, options, env) -> str:
        """Name the SVG for those who cannot see it, and give it the colours of the page."""
        svg = env["pictures"][Path(tokens[i].attrGet("src")).stem]
        for name, colour in COLOURS.items():
            svg = svg.replace(colour, f"var(--{name})")
        says = self.renderInlineAsText(tokens[i].children, options, env)
        width = float(re.search(r'width="([\d.]+)pt"', svg)[1])
        named = Markup('<svg role="img" aria-label="{}" class="{}" ').format(says, "wide" if width > WIDE else "")
        return svg.replace("<svg ", named, 1)


def page(text: str, values: dict) -> str:
    """Return the page. values: those of the report."""
    looks = {title: LOOKS[model] for model, title in values["models"].items()}
    reader = MarkdownIt("commonmark", {"html": False}, renderer_cls=Renderer).enable("table")
    reader.disable(["link", "autolink", "reference"])
    tokens, titles = reader.parse(text), {}
    for i, token in enumerate(tokens):
        if token.type == "heading_open":
            name = re.sub(r"[^\w\- ]", "", tokens[i + 1].content.lower()).replace(" ", "-")  # as GitHub names it
            titles[name] = Markup(reader.renderer.render([tokens[i + 1]], reader.options, {}))
            token.attrSet("id", name)
        elif token.type == "paragraph_open":
            mark_paragraph(*tokens[i : i + 3])
        elif token.type in ("th_open", "td_open"):
            mark_cell(*tokens[i : i + 3], tokens[i - 1].type == "tr_open", looks)
    body = Markup(reader.renderer.render(tokens, reader.options, {"pictures": values["pictures"]}))
    return Environment(**STRICT).get_template("page.html.j2").render(titles=titles, body=body)


def mark_paragraph(start: Token, content: Token, end: Token) -> None:
    """Make a figure of a picture with its caption, and mark the caption of a table: both are in italics."""
    kinds = [child.type for child in content.children if child.level == 0]
    if kinds[0] == "image":
        start.tag = end.tag = "figure"
        content.children = [child for child in content.children if child.type != "hardbreak"]
        for child in content.children:
            child.tag = "figcaption" if child.tag == "em" else child.tag
    elif kinds == ["em_open", "em_close"]:
        start.attrSet("class", "caption")


def mark_cell(start: Token, content: Token, end: Token, first: bool, looks: dict[str, str]) -> None:
    """Mark row headings, numbers, long texts and model names, for readers and for the style sheet."""
    text = content.content
    marks = {"number": "right" in str(start.attrGet("style")), "long": len(text) > LONG, "model": text in looks}
    start.attrs = {"dir": "auto", "class": " ".join(name for name, applies in marks.items() if applies)}
    if text in looks:
        start.attrSet("style", f"--look: var(--{looks[text]})")
    if first and start.type == "td_open":
        start.tag = end.tag = "th"
    if start.tag == "th":
        start.attrSet("scope", "col" if start.type == "th_open" else "row")
