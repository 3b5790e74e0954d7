"""A small project in a temporary folder: its stages run by the command lines of the real dvc.yaml, in this process."""

import importlib
import os
import random
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from strata.settings.yaml_loader import read_yaml

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["OMP_NUM_THREADS"] = "1"  # two workers share two cores, and tiny models gain nothing from more

ROOT = Path(__file__).resolve().parents[1]
DVC = read_yaml(ROOT / "dvc.yaml")
STAGES = list(DVC["stages"])


def committed(path: str) -> str:
    """Return a file as the last commit has it: the workspace may hold a user's own run."""
    return subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, check=True).stdout.decode()


def in_head() -> list[str]:
    """Return the paths of all files of the last commit."""
    command = ["git", "ls-tree", "-r", "-z", "--name-only", "HEAD"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return listed.stdout.decode().rstrip("\0").split("\0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, so that no process is left with one while the other has nothing to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


GOOD, BAD = ["good", "lovely", "fine", "warm"], ["bad", "dull", "cold", "awful"]
NEUTRAL = ["film", "plot", "actor", "scene", "music", "story", "the", "a", "is", "with", "and", "very"]

RECIPE = {
    "source": {"train": "reviews.csv", "test": None},
    "columns": {"text": "text", "label": "label", "group": None},
    "labels": {"negative": "neg", "positive": "pos"},
    "positive": "positive",
    "keep": {},
    "clean": ["whitespace"],
    "annotate": [],
    "sample": None,
}
SHRUNK = {
    "recipe": "sample",
    "seed": 42,  # whatever the committed one is
    "model": {"checkpoint": "tiny", "revision": None, "sha256": None},
    "tokenize": {"max_length": 16},
    "train": {
        "lr": 5.0e-3,
        "epochs": 6,
        "min_steps": None,
        "batch_size": 16,
        "best_metric": "loss",
        "precision": "fp32",
    },
    "evaluate": {"behaviour_rows": 5, "explained_errors": 2},
    "quantize": {"max_loss": 0.5, "max_label_loss": 0.5, "min_agreement": 0.5, "max_drift": 0.5},
}


def reviews(n: int, seed: int = 0) -> list[tuple[str, str]]:
    """Make n distinct (text, label) pairs that a tiny model can learn."""
    rng = random.Random(seed)
    made = {}
    while len(made) < n:
        label = ("neg", "pos")[len(made) % 2]
        words = rng.choices(NEUTRAL, k=rng.randint(2, 10)) + rng.sample(GOOD if label == "pos" else BAD, 2)
        rng.shuffle(words)
        made.setdefault(" ".join(words), label)
    return list(made.items())


def write_csv(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> None:
    lines = [",".join('"' + str(cell).replace('"', '""') + '"' for cell in row) for row in (header, *rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Project:
    """params.yaml, one recipe and its data, with every stage's command line."""

    def __init__(self, root: Path, checkpoint: Path):
        self.root = root
        self.yaml = YAML()  # keeps the order of keys, which labels need
        for folder in ("recipes", "plots/sweep"):
            (root / folder).mkdir(parents=True)
        (root / "tiny").symlink_to(checkpoint)
        (root / "params.yaml").write_text(committed("params.yaml"), encoding="utf-8")
        shutil.copy(ROOT / "dvc.yaml", root)
        self.params(**SHRUNK)
        self.recipe(**RECIPE)
        write_csv(self.raw("reviews.csv"), reviews(120))

    def raw(self, name: str) -> Path:
        path = self.root / "data/raw/sample" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def params(self, **changes) -> None:
        self._edit(self.root / "params.yaml", changes)

    def recipe(self, **changes) -> None:
        self._edit(self.root / "recipes/sample.yaml", changes)

    def run(self, *stages: str) -> None:
        here = Path.cwd()
        os.chdir(self.root)
        try:
            for stage in stages:
                _, _, module, *argv = shlex.split(DVC["stages"][stage]["cmd"].replace("${recipe}", "sample"))
                found = importlib.util.find_spec(module)
                name = f"{module}.__main__" if found.submodule_search_locations else module
                importlib.import_module(name).main(argv)
        finally:
            os.chdir(here)

    def copied(self, root: Path) -> "Project":
        """A project of its own with all that this one has made."""
        shutil.copytree(self.root, root, symlinks=True)
        made = object.__new__(Project)
        made.root, made.yaml = root, self.yaml
        return made

    def _edit(self, path: Path, changes: dict) -> None:
        content = self.yaml.load(path) if path.exists() else {}
        for key, value in changes.items():
            if isinstance(value, dict) and isinstance(content.get(key), dict) and key != "labels":
                content[key] |= value
            else:
                content[key] = value
        self.yaml.dump(content, path)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    """A BERT of 2 layers of 32, randomly initialised, that knows the words of `reviews`."""
    from transformers import BertConfig, BertModel, BertTokenizerFast, set_seed

    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *GOOD, *BAD, *NEUTRAL]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    set_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(folder)
    vocab = {word: i for i, word in enumerate(words)}
    BertTokenizerFast(vocab=vocab, model_max_length=32).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def shipped(tmp_path_factory) -> Path:
    """A folder with params.yaml and the recipes as the last commit has them."""
    folder = tmp_path_factory.mktemp("shipped")
    for path in [path for path in in_head() if path == "params.yaml" or path.startswith("recipes/")]:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(committed(path), encoding="utf-8")
    return folder


@pytest.fixture
def project(tmp_path, checkpoint) -> Project:
    return Project(tmp_path / "project", checkpoint)


@pytest.fixture(scope="session")
def tokenized(tmp_path_factory, checkpoint) -> Project:
    """A project run up to adapt, which is off; tests copy it before they change anything."""
    made = Project(tmp_path_factory.mktemp("tokenized") / "project", checkpoint)
    made.run("ingest", "standardize", "split", "resample", "tokenize", "adapt")
    return made


@pytest.fixture(scope="session")
def trained(tmp_path_factory, checkpoint) -> Project:
    """A project run to its end; tests that only look share it."""
    made = Project(tmp_path_factory.mktemp("trained") / "project", checkpoint)
    made.run(*STAGES)
    return made


@pytest.fixture
def copy_of_trained(trained, tmp_path) -> Project:
    """A project of its own that was run to its end."""
    return trained.copied(tmp_path / "project")
