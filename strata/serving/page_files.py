"""Files that the page gives back. Gradio copies each one as soon as it is there, and deletes its copy after a while."""

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

COPIED = 600  # seconds after which a file has surely been copied


class Results:
    """A folder that goes with this object, at the latest when the process ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="strata-page-")

    def path(self, name: str) -> Path:
        """Return a path for a file of this name, in a folder of its own. Old ones are removed."""
        place = Path(self._folder.name)
        for folder in place.iterdir():
            with suppress(OSError):  # another thread removes it
                if time.time() - folder.stat().st_mtime > COPIED:
                    shutil.rmtree(folder)
        return Path(tempfile.mkdtemp(dir=place)) / name
