"""Label Studio's JSON: {data: {text: ...}, annotations: [{result: [{from_name, value: {choices: [...]}}]}]}.

https://labelstud.io/guide/export. Of several annotations, the first that was not cancelled counts.
"""

from typing import Any


def is_row(row: dict[str, Any]) -> bool:
    return isinstance(row.get("data"), dict) and isinstance(row.get("annotations", row.get("completions")), list)


def flat(row: dict[str, Any]) -> dict[str, Any] | None:
    annotations = row.get("annotations") or row.get("completions") or []
    done = [a for a in annotations if isinstance(a, dict) and not a.get("was_cancelled") and a.get("result")]
    if not done:
        return None
    columns = {name: value for name, value in row["data"].items() if not isinstance(value, dict)}
    for result in done[0]["result"]:
        value = result.get("value") if isinstance(result, dict) else None
        if not isinstance(value, dict):
            continue
        name = str(result.get("from_name", "label"))
        if isinstance(value.get("choices"), list):
            columns[name] = one(value["choices"])
        elif "rating" in value:
            columns[name] = value["rating"]
    return columns


def one(labels: list) -> Any:
    """Return the label of a list of one, the list where it holds several, None where it is empty."""
    return labels if len(labels) > 1 else labels[0] if labels else None
