"""Settings of several guides in one run: what was scored is what is served."""

import numpy as np
import pytest

from strata.base import tables
from strata.runtime.predictor import FP32, Predictor
from tests.conftest import STAGES, Project, write_csv
from tests.test_window import IN_CHUNKS, long_reviews

FEW_LABELS = {
    "resample": {"augment": 1},
    "adapt": {"epochs": 1},
    "train": {"min_steps": 12, "epochs": 1},
}
TOGETHER = {
    "few labels in chunks": {**FEW_LABELS, "tokenize": IN_CHUNKS},
    "a stack of few labels, head and tail": {
        **FEW_LABELS,
        "model": {"kind": "stack"},
        "tokenize": {"window": "head_tail", "max_length": 8},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TOGETHER)
def test_settings_go_together(name, tmp_path, checkpoint):
    made = Project(tmp_path / "project", checkpoint)
    write_csv(made.raw("reviews.csv"), long_reviews(120))
    made.params(**TOGETHER[name])
    made.run(*STAGES)
    rows = tables.read(made.root / "data/evaluate/predictions.parquet").query("split == 'test'")
    texts = tables.read(made.root / "data/split/test.parquet").set_index("id").loc[rows["id"], "text"].tolist()
    served = Predictor(made.root / "models/quantize", FP32).probabilities(texts)
    assert served == pytest.approx(np.stack(rows["probabilities"]), abs=1e-5)
