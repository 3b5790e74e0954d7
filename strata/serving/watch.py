"""The watch over the folders of the models: one that has changed is loaded beside the old one, and takes its place."""

import threading
from collections.abc import Callable
from pathlib import Path

from strata.base.errors import StrataError
from strata.runtime import manifest
from strata.serving.models import Model, Models, loaded, read_files, version

SECONDS = 1.0  # between two looks

Signature = tuple[tuple[int, int, int] | None, ...]


class Watch:
    """Looks at every folder each second, in a thread of its own.

    said: takes a line about what was loaded or refused. counted: takes a model's name and "loaded" or "refused".
    """

    def __init__(self, models: Models, said: Callable[[str], None], counted: Callable[[str, str], None]):
        self._models, self._said, self._counted = models, said, counted
        self._seen = {model.name: self._signature(model.folder) for model in models}  # at the last look
        # of what was tried last; None where the folder has changed since it was loaded
        self._known = {model.name: self._seen[model.name] if _is_current(model) else None for model in models}
        self._refusals: dict[str, str] = {}
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Start to look."""
        self._thread.start()

    def ask(self) -> None:
        """Have every model loaded again now."""
        self._wanted.set()

    def close(self) -> None:
        """Stop; what is being loaded is dropped."""
        self._ended.set()
        self._wanted.set()

    def look(self, every: bool = False) -> None:
        """Load the models whose folder has changed, and has not changed since the last look. every: all of them."""
        for model in self._models:
            signature = self._signature(model.folder)
            settled = signature == self._seen[model.name]
            self._seen[model.name] = signature
            if every or (settled and signature != self._known[model.name]):
                self._known[model.name] = signature
                self._load(model.name, model.folder)

    def _load(self, name: str, folder: Path) -> None:
        try:
            new = loaded(name, folder, self._models.file)
        except Exception as error:  # whatever is wrong with it, the old one goes on
            reason = str(error) if isinstance(error, StrataError) else f"{type(error).__name__}: {error}"
            if reason != self._refusals.get(name):
                self._said(f"{name}: refused, version {self._models.get(name).version} goes on: {reason}")
            self._refusals[name] = reason
            self._counted(name, "refused")
            return
        self._refusals.pop(name, None)
        old = self._models.get(name)
        if new.version == old.version:
            self._said(f"{name}: version {new.version}, as before")
            return
        self._models.replace(new)
        self._counted(name, "loaded")
        self._said(f"{name}: version {new.version} instead of {old.version}")

    def _signature(self, folder: Path) -> Signature:
        """Return what changes when a file that is read is written: time, size and number of each."""
        return tuple(_entry(folder / name) for name in (manifest.NAME, *read_files(self._models.file)))

    def _run(self) -> None:
        while not self._ended.is_set():
            asked = self._wanted.wait(SECONDS)
            self._wanted.clear()
            if not self._ended.is_set():
                self.look(every=asked)


def _is_current(model: Model) -> bool:
    try:
        return version(model.folder) == model.version
    except OSError:
        return False


def _entry(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
