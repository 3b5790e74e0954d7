"""A stage ends soon after DVC, which started it, has ended, even if that was killed."""

import os
import sys
import threading
import time
from pathlib import Path

SECONDS = 1.0  # from one look to the next
SHELLS = {"sh", "bash", "dash", "zsh", "fish", "ksh", "ash", "busybox"}  # DVC starts a stage through one of them


def end_with_parent() -> None:
    """End this process when the one that started it has ended, or, if that is a shell, the one that started that.

    It is looked for rather than asked of Linux (PR_SET_PDEATHSIG), which counts the end of the thread that started
    the process. Outputs are moved into their place when they are complete, so what is left behind is a partial file or
    folder, which the next stage removes.
    """
    ancestors = _ancestors()

    def watch() -> None:
        while _ancestors()[: len(ancestors)] == ancestors:
            time.sleep(SECONDS)
        if sys.stderr is not None:
            os.write(2, b"dvc, which started this stage, has ended; run dvc repro again\n")
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end_with_parent").start()


def _ancestors() -> list[int]:
    """Return the id of the process that started this one, and of the one before it while that is a shell."""
    process = os.getppid()
    ancestors = [process]
    while process > 1:
        name, process = _name_and_parent(process)
        if name not in SHELLS:
            break
        ancestors.append(process)
    return ancestors


def _name_and_parent(process: int) -> tuple[str, int]:
    """Return a process's name and its parent; ("", 0) where the system does not tell, such as on macOS."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", 0
    name, _, rest = text.partition("(")[2].rpartition(")")
    return name, int(rest.split()[1])
