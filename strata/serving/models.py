"""The models that a server holds under their names, each replaced as a whole."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from strata.base.errors import StrataError
from strata.model_kinds import STACK
from strata.runtime import manifest
from strata.runtime.cascade import FILE as CASCADE
from strata.runtime.predictor import CONFIG, FP32, QUANTIZED, READ, Predictor, check_files
from strata.runtime.preparation import NAME as PREPARATION

SHOWN = 12  # digits of a version


class Model(NamedTuple):
    """A model that is loaded. version: of its manifest, hexadecimal digits of the SHA-256."""

    name: str
    folder: Path
    predictor: Predictor
    version: str


def loaded(name: str, folder: Path, model: str | None = None) -> Model:
    """Load a model folder whole. model: the file in it; None: the one that serves.

    It is loaded from a copy whose files are those that its manifest lists, since the folder may be written meanwhile.
    Raises: StrataError where it is no model folder, or not that of one run.
    """
    model = check_files(folder, model)
    with tempfile.TemporaryDirectory(prefix="strata-serve-") as place:
        copy = Path(place) / "model"
        try:
            _copy(folder, copy, model)
            predictor = Predictor(copy, model)
            for alone in (True, False):  # what cannot score fails now
                predictor.classifier.logits(predictor.tokens.ids([""]), alone)
        except FileNotFoundError as error:
            raise StrataError(f"{error.filename}: went while it was read; {manifest.REMEDY}") from None
        except StrataError as error:
            raise StrataError(str(error).replace(str(copy), str(folder))) from None
        return Model(name, folder, predictor, version(copy))


def _copy(folder: Path, copy: Path, model: str) -> None:
    for file in (manifest.NAME, *read_files(model)):
        if (folder / file).is_file():
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / file, copy / file)


def read_files(model: str | None) -> tuple[str, ...]:
    """Return the files that a predictor may read of a folder. model: the file with the weights; None: either."""
    return CONFIG, *READ[STACK], PREPARATION, CASCADE, *([model] if model else [QUANTIZED, FP32])


def version(folder: Path) -> str:
    """Return the version of a model folder: one for each content of its manifest."""
    return hashlib.sha256((folder / manifest.NAME).read_bytes()).hexdigest()[:SHOWN]


class Models:
    """Models by their names. The first one is the default.

    folders: by name. model: the file in each; None: the one that serves. Raises: StrataError where one is
    broken.
    """

    def __init__(self, folders: Mapping[str, Path], model: str | None = None):
        self.file = model
        self._models = {name: loaded(name, folder, model) for name, folder in folders.items()}
        self.default = next(iter(self._models))

    def __iter__(self):
        return iter(list(self._models.values()))

    @property
    def names(self) -> list[str]:
        """The names, the default first."""
        return list(self._models)

    def get(self, name: str | None) -> Model | None:
        """Return the model of a name as it is now; None where there is none. name: None for the default."""
        return self._models.get(self.default if name is None else name)

    def replace(self, model: Model) -> None:
        """Put a model in the place of the one of its name: requests that have begun keep theirs."""
        self._models[model.name] = model
