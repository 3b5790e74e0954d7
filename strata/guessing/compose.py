"""A guess as the text of a recipe, whose layout and comments are in recipe.yaml.j2."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from strata.guessing.guess import Guess
from strata.text.cleaning import STEPS

WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")  # no strings to one YAML reader or another
CLEAN = ("html", "whitespace")  # what the template says


def compose(file: str, guess: Guess) -> str:
    """Return the recipe's text. file: the name of the source file."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters |= {"string": string, "scalar": scalar}
    steps = [step for step in STEPS if step not in CLEAN]
    return environment.get_template("recipe.yaml.j2").render(file=file, guess=guess, steps=steps)


def string(value: str) -> str:
    """Write a string as YAML: plain where that is safe, else in double quotes.

    >>> string("review text"), string("no"), string("3e-05")
    ('review text', '"no"', '"3e-05"')
    """
    plain = re.fullmatch(r"[A-Za-z_][\w-]*( [\w-]+)*", value, re.ASCII)
    if plain and value.lower() not in WORDS:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def scalar(value: str | list[str]) -> str:
    """Write a label's value as YAML, or several; the numbers and booleans that YAML spells alike are plain.

    >>> scalar(["1", "true", "1.50"])
    '[1, true, "1.50"]'
    """
    if isinstance(value, list):
        return f"[{', '.join(map(scalar, value))}]"
    return value if re.fullmatch(r"0|-?[1-9][0-9]{0,17}|true|false", value) else string(value)
