"""Renew the figures in README.md and docs/*.md, or name those that are stale.

    python docs/figures.py                            # renews them in place (make docs)
    python docs/figures.py --check                    # names stale figures, exit code 1
    python docs/figures.py --check --revision HEAD    # the same for what is committed

A figure stands between two HTML comments, which readers do not see. The first one holds a Jinja expression:

    The run takes <!--= benchmarks.repro.cold_repro_s | number -->135<!--/--> s.

Expressions read `metrics` (metrics/STAGE.json), `plots` (the rows of plots/STAGE/NAME.csv), `scores` (by model and
split, from every plots/STAGE/scores.csv), `sweeps` (plots/sweep/NAME/answer.json), `benchmarks`
(benchmarks/NAME/results.json), `schemas` (params, recipe and sweep, from strata/settings), `dvc` (dvc.yaml) and
`tables` (the macros in docs/templates/tables.j2, for whole tables and blocks). A missing key is an error.
Without --check, the pictures of the README are renewed, too: they are the report's, as the last run drew them.
"""

import argparse
import csv
import io
import itertools
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

import jinja2
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/*.md")
SOURCES = (
    "docs/templates/*.j2",
    "metrics/*.json",
    "plots/*/*.csv",
    "plots/sweep/*/answer.json",
    "benchmarks/*/results.json",
    "strata/settings/*.schema.json",
    "dvc.yaml",
)
PICTURES = ("roc.svg", "reliability.svg")  # of plots/report, which git does not hold
FIGURE = re.compile(r"(<!--= (.+?) -->)(.*?)(<!--/-->)", re.DOTALL)
MISPLACED = {
    # CommonMark reads a line that starts with a comment as HTML: no `code`, no [link] on it
    "put a word before the figure": re.compile(r"^ *<!--= .+? -->[^\n]*<!--/-->", re.MULTILINE),
    # a | ends a cell, even inside a comment
    "put the figure's filters into a macro": re.compile(r"^\|.*<!--= [^>\n]*\|", re.MULTILINE),
}


def in_workspace() -> dict[str, str]:
    """Return the text of every page and source by its path."""
    paths = itertools.chain.from_iterable(ROOT.glob(pattern) for pattern in PAGES + SOURCES)
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def in_revision(revision: str) -> dict[str, str]:
    """Return the text of every page and source as committed, by its path."""
    command = ["git", "archive", revision, "README.md", "docs", "metrics", "plots", "benchmarks", "strata/settings"]
    command.append("dvc.yaml")
    archive = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = [
            m for m in tar if m.isfile() and any(PurePosixPath("/", m.name).match(f"/{p}") for p in PAGES + SOURCES)
        ]
        return {member.name: tar.extractfile(member).read().decode("utf-8") for member in members}


def outputs(stage: dict) -> list[str]:
    """Return the paths that a stage of dvc.yaml lists under outs, then under metrics."""
    entries = [*stage.get("outs", []), *stage.get("metrics", [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def edges(dvc: dict) -> list[tuple[str, str]]:
    """Return the pairs of stages between which rows or models pass, in the order of dvc.yaml.

    Small JSON files such as labels.json, which most stages read, are left out. The report reads every stage's metrics;
    the edge from quantize stands for all of them.
    """
    stages = dvc["stages"]
    not_data = ("metrics/", "plots/")
    makers = {path: name for name in stages for path in outputs(stages[name]) if not path.startswith(not_data)}
    pairs = [
        (makers[folder], name)
        for name, stage in stages.items()
        for path in stage["deps"]
        for folder in makers
        if (path == folder or path.startswith(f"{folder}/")) and not path.endswith(".json")
    ]
    return sorted(dict.fromkeys([*pairs, ("quantize", "report")]), key=lambda pair: [*map(list(stages).index, pair)])


def rows(text: str) -> list[dict]:
    """Return the rows of a CSV file, with its figures as floats."""

    def value(cell: str) -> float | str | None:
        try:
            return float(cell) if cell else None
        except ValueError:
            return cell

    return [{name: value(cell) for name, cell in row.items()} for row in csv.DictReader(io.StringIO(text))]


def interval(scores: dict, metric: str = "accuracy") -> str:
    ends = scores["interval"][metric]
    return f"{scores[metric]:.3f} ({ends['low']:.3f} to {ends['high']:.3f})"


def environment(texts: dict[str, str]) -> jinja2.Environment:
    """Return a Jinja environment that knows the figures in these texts."""
    templates = {PurePosixPath(path).name: text for path, text in texts.items() if path.endswith(".j2")}
    env = jinja2.Environment(
        loader=jinja2.DictLoader(templates), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    env.filters["number"] = lambda value, places=0: f"{value:,.{places}f}"
    env.filters["percent"] = lambda value, places=0: f"{value:.{places}%}"
    env.filters["signed"] = lambda value, places=1: f"{value:+.{places}f}"
    env.filters |= {"interval": interval, "outputs": outputs, "edges": edges}
    env.globals |= {"metrics": {}, "benchmarks": {}, "schemas": {}, "plots": {}, "scores": {}, "sweeps": {}}
    for path in (PurePosixPath(path) for path in texts if path.endswith(".json")):
        source = {"strata": "schemas", "plots": "sweeps"}.get(path.parts[0], path.parts[0])
        name = path.parent.name if source in ("benchmarks", "sweeps") else path.name.partition(".")[0]
        env.globals[source][name] = json.loads(texts[path.as_posix()])
    for path in (PurePosixPath(path) for path in texts if path.endswith(".csv")):
        env.globals["plots"].setdefault(path.parent.name, {})[path.stem] = rows(texts[path.as_posix()])
    for row in [row for stage in env.globals["plots"].values() for row in stage.get("scores", [])]:
        scored = env.globals["scores"].setdefault(row["model"], {}).setdefault(row["split"], {"interval": {}})
        scored[row["metric"]] = row["value"]
        scored["interval"][row["metric"]] = {end: row[end] for end in ("low", "high")}
    env.globals["dvc"] = yaml.safe_load(texts["dvc.yaml"])
    env.globals["tables"] = env.get_template("tables.j2").module
    return env


def renew(page: str, text: str, env: jinja2.Environment) -> tuple[str, list[str]]:
    """Return the page with its figures renewed, and a line for each that was stale or misplaced."""
    problems = [
        f"{page}:{line(text, found)}: {remedy}"
        for remedy, pattern in MISPLACED.items()
        for found in pattern.finditer(text)
    ]
    if not len(FIGURE.findall(text)) == text.count("<!--= ") == text.count("<!--/-->"):
        problems.append(f"{page}: a figure lacks its end <!--/-->, or its start")

    def rendered(found: re.Match) -> str:
        start, expression, old, end = found.groups()
        new = env.from_string(f"{{{{ {expression} }}}}").render().strip("\n")
        new = f"\n{new}\n" if "\n" in new else new
        if new != old:
            problems.append(f"{page}:{line(text, found)}: stale: {expression}")
        return start + new + end

    return FIGURE.sub(rendered, text), problems


def line(text: str, found: re.Match) -> int:
    return text.count("\n", 0, found.start()) + 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 where a figure is stale")
    parser.add_argument("--revision", help="read what this Git revision holds, not the workspace; with --check")
    args = parser.parse_args()
    if args.revision and not args.check:
        parser.error("--revision goes with --check")
    texts = in_revision(args.revision) if args.revision else in_workspace()
    env = environment(texts)
    pages = {path: renew(path, text, env) for path, text in sorted(texts.items()) if path.endswith(".md")}
    problems = list(itertools.chain.from_iterable(found for _, found in pages.values()))
    if not args.check:
        for path, (text, _) in pages.items():
            if text != texts[path]:
                (ROOT / path).write_text(text, encoding="utf-8")
        for path in [ROOT / "plots/report" / name for name in PICTURES]:
            if path.exists():
                shutil.copyfile(path, ROOT / "docs" / path.name)
        problems = [problem for problem in problems if ": stale: " not in problem]
    print("\n".join(problems) or "figures: up to date")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
