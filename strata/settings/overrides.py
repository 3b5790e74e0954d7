"""Settings of a run with some of them changed: values by key, such as train.lr, as a sweep draws them."""

import io
import json
from typing import Any

from strata.base.errors import StrataError, did_you_mean

Overrides = dict[str, Any]
"""Values by key: the names of a section and of its key with a dot between them; a list or mapping is a value."""


def keys(content: dict[str, Any]) -> list[str]:
    """Return the keys of params.yaml that can be changed, from its content."""
    return [
        f"{section}.{key}" if isinstance(values, dict) else section
        for section, values in content.items()
        for key in (values if isinstance(values, dict) else [None])
    ]


def value_at(content: dict[str, Any], key: str) -> Any:
    """Return the value of a key, such as train.lr, in the content of params.yaml."""
    section, _, name = key.partition(".")
    return content[section][name] if name else content[section]


def check_keys(overrides: Overrides, content: dict[str, Any], place: str) -> None:
    """Raise StrataError at a key that params.yaml does not have. place: of the overrides, for the sentence."""
    known = keys(content)
    for key in overrides:
        if key not in known:
            raise StrataError(f"{place}: unknown key {key}{did_you_mean(key, known)}")


def changed(content: dict[str, Any], overrides: Overrides) -> dict[str, Any]:
    """Return the content of params.yaml with other values; content itself stays as it is."""
    result = {name: dict(values) if isinstance(values, dict) else values for name, values in content.items()}
    _put(result, overrides)
    return result


def _put(content: dict[str, Any], overrides: Overrides) -> None:
    """Write values into the content of params.yaml."""
    for key, value in overrides.items():
        section, _, name = key.partition(".")
        if name:
            content[section][name] = value
        else:
            content[section] = value


def described(overrides: Overrides) -> str:
    """Return settings as a phrase.

    >>> described({"train.lr": 3e-05, "resample.strategy": "none"})
    'train.lr=3e-05, resample.strategy=none'
    """
    return ", ".join(f"{key}={written(value)}" for key, value in overrides.items()) or "nothing changed"


def written(value: Any) -> str:
    """Return one value as a word.

    >>> written("none"), written(None), written(5e-05)
    ('none', 'null', '5e-05')
    """
    return value if isinstance(value, str) else json.dumps(value)


def rewritten(text: str, overrides: Overrides) -> str:
    """Return the text of params.yaml with other values; comments and order stay.

    ruamel.yaml is what DVC rewrites params.yaml with as well.
    """
    from ruamel.yaml import YAML  # stages import this room, and need no rewriting

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10**6  # no line is broken
    yaml.representer.add_representer(type(None), lambda representer, _: representer.represent_scalar(_NULL, "null"))
    content = yaml.load(text)
    _put(content, overrides)
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()


_NULL = "tag:yaml.org,2002:null"
