"""Templates to Markdown. All values are escaped here, so templates need not."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stages.report.figures import FILTERS
from strata.base.errors import StrataError
from strata.base.printable import printable

STRICT = dict.fromkeys(("autoescape", "trim_blocks", "lstrip_blocks", "keep_trailing_newline"), True)
STRICT |= {"undefined": StrictUndefined, "loader": FileSystemLoader(Path(__file__).parent)}


def visible(text: str) -> str:
    r"""One line in which every character can be seen: others stand as Python writes them.

    >>> visible("a\n b" + chr(0x202E))
    'a b\\u202e'
    """
    return printable(" ".join(text.split()))


def escaped(value: object) -> Markup:
    r"""Escape a value for GitHub's Markdown, HTML in it included. Markup, which templates and figures make, stays.

    >>> str(escaped("<b> | `a`")), str(escaped("1. a@b"))
    ('&lt;b&gt; \\| \\`a\\`', '1\\. a&#64;b')
    """
    if isinstance(value, Markup):
        return value
    if value is None:
        raise StrataError("a figure that the report needs is null; run the stages again: dvc repro")
    text = visible(str(value)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"[\\`*_\[\]|~$#]", r"\\\g<0>", text)
    text = re.sub(r"^(\d*)(?=[-+=]|(?<=\d)[.)](\s|$))", r"\1\\", text)  # would begin a list or underline a heading
    # GitHub makes links of addresses and names of users
    return Markup(text.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;"))


def markdown(template: str, values: dict) -> str:
    """Fill a template."""
    environment = Environment(finalize=escaped, **STRICT)
    # without those that make Markup of what they are given
    plain = ("length", "max", "sum", "trim", "truncate")
    environment.filters = {name: environment.filters[name] for name in plain} | FILTERS
    text = environment.get_template(template).render(values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
