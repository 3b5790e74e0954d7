"""The Markdown of a report as an HTML page that needs no other file."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from stages.report.pictures import COLOURS
from stages.report.render import FOLDER, STRICT

LONG = 60  # characters of a cell, from which on its column needs room
WIDE = 400  # points of a picture, from which on it needs the page's width


class Renderer(RendererHTML):
    """Tables in a region that scrolls, pictures inside the page. env: pictures, SVG by name."""

    def table_open(self, tokens, i, options, env) -> str:
        label = self.renderInlineAsText(tokens[i - 2].children or [], options, env)
        region = Markup('<div class="scroll" tabindex="0" role="region" aria-label="{}">').format(label)
        return f"{region}\n{self.renderToken(tokens, i, options, env)}"

    def table_close(self, tokens, i, options, env) -> str:
        return f"{self.renderToken(tokens, i, options, env)}</div>\n"

    def fence(self, tokens, i, options, env) -> str:
        return Markup('<pre tabindex="0"><code>{}</code></pre>\n').format(tokens[i].content)

    def image(self, tokens, i, options, env) -> str:
        """Name the SVG for those who cannot see it, and give it the colours of the page."""
        svg = env["pictures"][Path(tokens[i].attrGet("src")).stem]
        for name, colour in COLOURS.items():
            svg = svg.replace(colour, f"var(--{name})")
        says = self.renderInlineAsText(tokens[i].children, options, env)
        wide = float(re.search(r'width="([\d.]+)pt"', svg)[1]) > WIDE
        region = '<div class="scroll wide" tabindex="0" role="region" aria-label="Picture">' if wide else "<div>"
        return region + svg.replace("<svg ", Markup('<svg role="img" aria-label="{}" ').format(says), 1) + "</div>"


def page(text: str, pictures: dict[str, str], models: list[str]) -> str:
    """Return the page. pictures: SVG by name. models: titles, marked by colour.

    A paragraph in italics is the caption of the table below it; a picture has its own in its paragraph.
    """
    reader = MarkdownIt("commonmark", {"html": False}, renderer_cls=Renderer).enable("table")
    reader.disable(["link", "autolink", "reference"])
    tokens = reader.parse(text)
    titles = {}
    for i, token in enumerate(tokens):
        if token.type == "heading_open":
            titles[name_of_heading(tokens[i + 1].content)] = tokens[i + 1]
            token.attrSet("id", list(titles)[-1])
        elif token.type == "paragraph_open":
            mark_paragraph(*tokens[i : i + 3])
        elif token.type in ("th_open", "td_open"):
            mark_cell(*tokens[i : i + 3], tokens[i - 1].type == "tr_open", models)
    body = Markup(reader.renderer.render(tokens, reader.options, {"pictures": pictures}))
    first, *contents = [(name, Markup(reader.renderer.render([title], reader.options, {}))) for name, title in titles.items()]
    template = Environment(loader=FileSystemLoader(FOLDER), **STRICT).get_template("page.html.j2")
    return template.render(title=first[1], contents=contents, body=body) + "\n"


def name_of_heading(title: str) -> str:
    """As GitHub names it.

    >>> name_of_heading("Where it fails")
    'where-it-fails'
    """
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def mark_paragraph(start: Token, content: Token, end: Token) -> None:
    """Make a figure of a picture with its caption, and mark the caption of a table."""
    kinds = [child.type for child in content.children if child.level == 0]
    if kinds[0] == "image":
        start.tag = end.tag = "figure"
        content.children = [child for child in content.children if child.type != "hardbreak"]
        for child in content.children:
            child.tag = "figcaption" if child.tag == "em" else child.tag
    elif kinds == ["em_open", "em_close"]:
        start.attrSet("class", "caption")


def mark_cell(start: Token, content: Token, end: Token, first: bool, models: list[str]) -> None:
    """Tell rows' headings, figures, long texts and models apart, for readers and for the style sheet."""
    text, right = content.content, "right" in str(start.attrGet("style"))
    marks = {"number": right, "long": len(text) > LONG, "model": text in models}
    start.attrs = {"dir": "auto"}
    if any(marks.values()):
        start.attrSet("class", " ".join(name for name, so in marks.items() if so))
    if text in models:
        start.attrSet("data-model", str(models.index(text)))
    if start.type == "th_open":
        start.attrSet("scope", "col")
    elif first:
        start.tag = end.tag = "th"
        start.attrSet("scope", "row")
