"""What a Hugging Face Space of a model holds: the server's page, or the page that runs in a browser.

Strata is on no package index, so the first kind carries the modules that its page needs as files.
"""

import importlib.metadata
import sys
from pathlib import Path

from strata.base.errors import StrataError
from strata.card import REPOSITORY
from strata.model_kinds import TRANSFORMER
from strata.publishing import demo
from strata.publishing.carried import ROOT, carried, requirements
from strata.publishing.templates import filled
from strata.runtime.model_config import read_kind
from strata.runtime.predictor import CONFIG, serving_file
from strata.serving.model_card import PUBLISHED
from strata.serving.models import read_files

KINDS = ("gradio", "static")
"""What runs a Space: Python on the Hub, or the visitor's browser."""
STARTS = ("strata.serving.space_page", "strata.reading.delimited")  # the second is imported by its name in a table

Files = dict[str, Path | bytes]


def contents(kind: str, folder: Path, card: Path, repo: str) -> Files:
    """Return what is sent, by its path in the Space. Raises: StrataError where a file or a package is missing."""
    served = check_parts(folder, card)
    if kind == "static" and read_kind(folder / CONFIG) != TRANSFORMER:
        raise StrataError(
            f"{folder}: model.kind is {read_kind(folder / CONFIG)}, which no page in a browser can run; push the other "
            "kind of Space: strata publish OWNER/NAME --space"
        )
    return _static(folder, repo) if kind == "static" else _gradio(folder, card, repo, served)


def check_parts(folder: Path, card: Path) -> str:
    """Return the file of a model folder that serves. Raises: StrataError when it, config.json or card is missing."""
    if not (folder / CONFIG).is_file():
        raise StrataError(f"{folder / CONFIG}: no such file; run dvc repro, or dvc checkout")
    served = serving_file(folder)
    if missing := [path for path in (folder / served, card) if not path.is_file()]:
        raise StrataError(f"{missing[0]}: no such file; run dvc repro, or dvc checkout")
    return served


def _static(folder: Path, repo: str) -> Files:
    name = repo.rpartition("/")[2]
    readme = filled("space.md.j2", name=name, sdk="static")
    model = {file: folder / file for file in demo.READ if (folder / file).is_file()}
    return model | {demo.NAME: demo.page(name).encode(), "README.md": readme.encode()}


def _gradio(folder: Path, card: Path, repo: str, served: str) -> Files:
    """Return the page, the modules that it needs, and of the model what it reads: what serves, with its card."""
    name = repo.rpartition("/")[2]
    modules = carried(STARTS)
    packages = requirements(modules.values())
    python = "{}.{}".format(*sys.version_info[:2])
    texts = {
        "README.md": filled("space.md.j2", name=name, sdk="gradio", packages=packages, python=python),
        "app.py": filled("app.py.j2", name=name),
        f"model/{PUBLISHED}": card.read_text(encoding="utf-8").replace(REPOSITORY, repo),
        "requirements.txt": filled("requirements.txt.j2", packages=packages),
    }
    read = [file for file in ("manifest.json", *read_files(served)) if (folder / file).is_file()]
    model = {f"model/{file}": folder / file for file in sorted(read)}
    encoded = {path: text.encode() for path, text in texts.items()}
    return encoded | {"LICENSE": _licence()} | model | modules


def _licence() -> Path:
    """Return Strata's licence: beside its modules in a clone, else among what was installed."""
    if (ROOT / "LICENSE").is_file():
        return ROOT / "LICENSE"
    installed = importlib.metadata.files("strata") or []
    return next(Path(str(file.locate())) for file in installed if file.name == "LICENSE")
