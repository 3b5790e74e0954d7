"""A guess as the text of a recipe, whose layout and comments are in recipe.yaml.j2."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from strata.guessing.guess import Guess
from strata.text.cleaning import STEPS
from strata.yaml_words import flow, scalar, string

CLEAN = ("html", "whitespace")  # the steps that the template writes itself


def compose(train: list[str], test: str | None, guess: Guess) -> str:
    """Return the recipe's text. train, test: the sources, as a recipe has them."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters |= {"string": string, "scalar": scalar, "flow": flow}
    steps = [step for step in STEPS if step not in CLEAN]
    return environment.get_template("recipe.yaml.j2").render(train=train, test=test, guess=guess, steps=steps)
