"""The templates of this folder, filled."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def filled(template: str, escape: bool = False, **values: object) -> str:
    """Return a template with its values. escape: whether they stand in HTML."""
    environment = Environment(
        autoescape=escape,
        keep_trailing_newline=True,
        loader=FileSystemLoader(Path(__file__).parent),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(template).render(values)
