"""The columns of the source that scores are sliced by, as standardize wrote them, for the rows that are scored."""

from pathlib import Path

import numpy as np
import pandas as pd

from strata.base import tables


def read(folder: Path, ids: np.ndarray) -> pd.DataFrame:
    """Return the attributes of rows, in their order: a column attribute.NAME each, (rows,) str or null.

    folder: what standardize writes. ids: (rows,) int; they are unique over its train.parquet and test.parquet. Without
    attributes, the frame has no columns.
    """
    parts = []
    for path in [path for path in (folder / "train.parquet", folder / "test.parquet") if path.exists()]:
        named = [name for name in tables.column_names(path) if name.startswith(tables.ATTRIBUTE)]
        if named:
            rows = tables.read(path, ["id", *named])
            parts.append(rows[rows["id"].isin(ids)])
    if not parts:
        return pd.DataFrame(index=range(len(ids)))
    return pd.concat(parts).set_index("id").loc[ids].reset_index(drop=True)
