"""Where checkpoints are found."""

import shutil

from strata.model import checkpoint
from strata.settings.params import Model
from strata.settings.reader import read_settings
from tests.conftest import ROOT


def test_the_default_checkpoint_is_the_published_one():
    model = read_settings(ROOT / "params.yaml", ROOT / "recipes")[0].model
    assert (checkpoint.locate(model) / "model.safetensors").is_file()


def test_a_hub_name_is_found_in_the_hubs_cache(tmp_path, monkeypatch, checkpoint):
    from huggingface_hub import constants

    from strata.model.checkpoint import locate

    commit = "a" * 40
    snapshot = tmp_path / "models--someone--tiny" / "snapshots" / commit
    snapshot.parent.mkdir(parents=True)
    shutil.copytree(checkpoint, snapshot)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    model = Model(checkpoint="someone/tiny", revision=commit, sha256=None)
    assert locate(model).resolve() == snapshot.resolve()
