"""strata.model: where checkpoints are found, precision, batches, and tokens on disk."""

import shutil

import numpy as np
import pyarrow as pa
import pytest
import torch

from strata.base.errors import StrataError
from strata.model import batches, checkpoint
from strata.model.precision import choose
from strata.model.tokens import SCHEMA, TokenizedRows, read_tokens, write_tokens
from strata.settings.reader import read_settings


def test_the_default_checkpoint_is_the_published_one(shipped):
    model = read_settings(shipped / "params.yaml", shipped / "recipes")[0].model
    assert (checkpoint.locate(model.checkpoint, model.revision, model.sha256) / "model.safetensors").is_file()


def test_a_hub_name_is_found_in_the_hubs_cache(tmp_path, monkeypatch, request):
    from huggingface_hub import constants

    commit = "a" * 40
    snapshot = tmp_path / "models--someone--tiny" / "snapshots" / commit
    snapshot.parent.mkdir(parents=True)
    shutil.copytree(request.getfixturevalue("checkpoint"), snapshot)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert checkpoint.locate("someone/tiny", commit, None).resolve() == snapshot.resolve()


def test_precision_follows_the_hardware(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert choose("auto") == "bf16"
    assert choose("fp32") == "fp32"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    assert choose("auto") == "fp32"
    with pytest.raises(
        StrataError, match=r"train.precision is fp16, but this machine supports fp32; choose one of them, or auto"
    ):
        choose("fp16")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    assert choose("auto") == "fp16"


def tokens(rows: list[tuple[int, list[int], int]]) -> pa.Table:
    """Return a table of SCHEMA. rows: id, token ids, label."""
    return pa.table([*map(list, zip(*rows, strict=True)), [len(ids) for _, ids, _ in rows]], schema=SCHEMA)


def test_tokens_are_read_as_they_were_written_and_equal_rows_give_equal_bytes(tmp_path):
    table = tokens([(4, [2, 7, 3], 1), (2, [2, 3], 0), (4, [2, 7, 3], 1)])
    for name in ("first", "second"):
        write_tokens(table.to_batches(2), tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"first", "second"}
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    rows = read_tokens(tmp_path / "first")
    assert rows.id.tolist() == [4, 2, 4]
    assert rows.label.tolist() == [1, 0, 1]
    assert rows.lengths.tolist() == [3, 2, 3]
    assert [ids.tolist() for ids in rows.input_ids] == [[2, 7, 3], [2, 3], [2, 7, 3]]


def test_distinct_rows_are_sorted_by_id():
    rows = TokenizedRows(np.array([4, 2, 4]), np.array([1, 0, 1]), [np.array([n]) for n in (7, 8, 7)]).distinct()
    assert rows.id.tolist() == [2, 4]
    assert rows.label.tolist() == [0, 1]
    assert [ids.tolist() for ids in rows.input_ids] == [[8], [7]]


def test_missing_tokens_are_named_with_the_stage_that_writes_them(tmp_path):
    with pytest.raises(StrataError, match="gone: no such folder; run the stage tokenize, or dvc repro"):
        read_tokens(tmp_path / "gone")


def test_logits_have_the_order_of_the_rows_and_padding_is_masked():
    rows = [np.array([5, 6, 7]), np.array([8]), np.array([9, 1])]

    def logits_of(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        assert set(ids[mask == 0]) <= {99}
        return np.stack([(ids * mask).sum(axis=1), mask.sum(axis=1)], axis=1)

    assert batches.logits(rows, logits_of, batch_size=2, pad_id=99).tolist() == [[18, 3], [8, 1], [10, 2]]


def test_nan_logits_raise():
    with pytest.raises(ValueError, match=r"the model gives NaN or infinite logits; train with a lower train.lr"):
        batches.logits([np.array([1])], lambda ids, mask: np.full((len(ids), 2), np.nan), 1, 0)


def test_a_batch_holds_a_limited_number_of_tokens_and_at_least_one_row():
    lengths = [9, 3, 30, 3, 4, 100]
    found = batches.groups(lengths, batch_size=3, most_tokens=30)
    assert [rows.tolist() for rows in found] == [[1, 3, 4], [0], [2], [5]]
    assert [rows.tolist() for rows in batches.groups([5] * 5, batch_size=2)] == [[0, 1], [2, 3], [4]]
    order, made = batches.by_length([[1] * n for n in lengths], 2, 0)
    assert order.tolist() == [1, 3, 4, 0, 2, 5]
    assert [ids.shape for ids, _ in made] == [(2, 3), (2, 9), (2, 100)]
