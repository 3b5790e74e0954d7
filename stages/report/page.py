"""Write sections as one HTML page that needs nothing else, or as Markdown with links to the pictures.

What the sections say comes in part from the data, so that all of it is escaped.
"""

import itertools
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stages.report.content import Cell, Code, Picture, Section, Table, Text
from stages.report.pictures import COLOURS

_ESCAPED = re.compile(r"[\\`*_\[\]|~$#!]")


def html(title: str, sections: list[Section]) -> str:
    """Return the page; pictures are inside it and take on its colours, light or dark."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"inline": inline, "groups": groups}
    return environment.get_template("report.html.j2").render(title=title, sections=sections)


def groups(blocks: list) -> list[list]:
    """Part blocks so that neighbouring pictures are together, to stand side by side where there is room."""
    return [list(run) for _, run in itertools.groupby(blocks, lambda block: block.kind == "picture")]


def inline(picture: Picture) -> Markup:
    """The SVG to put into a page: named for those who cannot see it, its colours those of the page."""
    svg = picture.svg
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    named = Markup('<svg role="img" aria-label="{}" ').format(picture.says)
    return Markup(svg.replace("<svg ", named, 1))


def markdown(title: str, sections: list[Section], pictures: str) -> str:
    """Return the same in GitHub's Markdown. pictures: the folder of the SVG files, relative to the file."""
    parts = [f"# {plain(title)}"]
    for section in sections:
        parts.append(f"## {plain(section.title)}")
        parts += [_block(block, pictures) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """Escape text in one line so that Markdown and HTML in it are shown and do nothing.

    >>> plain("<b> | `a`")
    '&lt;b&gt; \\\\| \\\\`a\\\\`'
    """
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _ESCAPED.sub(r"\\\g<0>", line)
    # GitHub makes links of addresses and names of users
    return line.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")


def _block(block: Text | Code | Table | Picture, pictures: str) -> str:
    if isinstance(block, Text):
        words = plain(block.words)
        return f"**{words}**" if block.style == "lead" else words
    if isinstance(block, Code):
        return f"```\n{block.lines}\n```"
    if isinstance(block, Picture):
        return f"![{plain(block.says)}]({pictures}/{block.name}.svg)\n\n{plain(block.caption)}"
    return f"{plain(block.caption)}:\n\n{_table(block)}"


def _table(table: Table) -> str:
    marks = ["---:" if column in table.numeric else "---" for column in table.columns]
    lines = [[plain(column) for column in table.columns], marks, *([_cell(cell) for cell in row] for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(cell: Cell) -> str:
    return plain(f"{cell.words} ({cell.small})" if cell.small else cell.words)
