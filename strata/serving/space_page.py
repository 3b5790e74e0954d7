"""The page of one model, without the rest of a server: what a Space runs."""

import os
from pathlib import Path

from strata.base.cores import cores
from strata.serving.limits import Limits
from strata.serving.models import Models
from strata.serving.page import launch
from strata.serving.service import Service


def serve(name: str, folder: Path) -> None:
    """Serve the page of a model folder until a signal ends it. name: its title."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the threads are those of the queue
    launch(Service(Models({name: folder}), cores(), Limits()))
