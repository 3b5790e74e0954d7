"""SageMaker Ground Truth's manifest: {source: text, JOB: 0, JOB-metadata: {class-name: spam}}."""

from typing import Any

SUFFIX = "-metadata"


def is_row(row: dict[str, Any]) -> bool:
    return "source" in row and bool(_jobs(row))


def flat(row: dict[str, Any]) -> dict[str, Any]:
    jobs = _jobs(row)
    kept = {name: value for name, value in row.items() if not name.endswith(SUFFIX) and name not in jobs}
    return kept | jobs


def _jobs(row: dict[str, Any]) -> dict[str, Any]:
    """Return each job's class name."""
    return {
        name.removesuffix(SUFFIX): about["class-name"]
        for name, about in row.items()
        if name.endswith(SUFFIX) and isinstance(about, dict) and isinstance(about.get("class-name"), str)
    }
