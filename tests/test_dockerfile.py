"""The Dockerfile, where no Docker runs: what it copies is there, and what it starts is the server."""

import fnmatch
import json
import re

import pytest

from strata.commands import serve
from tests.conftest import ROOT, in_head

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = re.sub(r"\\\n\s*", "", TEXT).splitlines()
STEPS = [tuple(line.split(None, 1)) for line in LINES if line and not line.startswith("#")]


def words(step: str) -> list[str]:
    """What follows each step of a kind, in order."""
    return [rest for name, rest in STEPS if name == step]


def test_what_it_copies_is_in_git_and_let_through():
    there = in_head()
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"
    copied = {path for rest in words("COPY") if not rest.startswith("--from") for path in rest.split()[:-1]}
    for path in copied:
        assert fnmatch.filter(there, path) or [name for name in there if name.startswith(f"{path}/")], path
        assert [pattern for pattern in let_through if fnmatch.fnmatch(path, pattern)], path


def test_pip_finds_every_file_that_the_package_reads():
    copied = " ".join(rest for rest in words("COPY") if not rest.startswith("--from"))
    for name in re.findall(r'"(requirements[\w-]*\.txt|README\.md)"', (ROOT / "pyproject.toml").read_text()):
        assert name in copied or "requirements*.txt" in copied


def test_it_brings_no_torch_and_runs_as_nobody_in_particular():
    installed = " ".join(rest for rest in words("RUN") if "--requirement" in rest)
    files = re.findall(r"--requirement (\S+)", installed)
    assert files == ["requirements-base.txt", "requirements-serve.txt"]
    assert not re.search(
        r"^(torch|transformers|gradio)\b", "".join((ROOT / f).read_text() for f in files), re.MULTILINE
    )
    assert words("USER") == ["10001"]
    assert [name for name, _ in STEPS].index("USER") > max(i for i, (name, _) in enumerate(STEPS) if name == "RUN")


def test_what_it_starts_is_the_server_of_the_volume_at_the_port_that_it_asks():
    (entry,), (command,) = words("ENTRYPOINT"), words("CMD")
    assert json.loads(entry) == ["strata", "serve"]
    args = serve.parsed(json.loads(command))
    assert (args.folders, args.host, str(args.port)) == (["/model"], "0.0.0.0", words("EXPOSE")[0])
    (health,) = words("HEALTHCHECK")
    assert f"http://127.0.0.1:{args.port}/ready" in health
    assert ":/model:ro" in TEXT


@pytest.mark.parametrize("step", ["FROM", "COPY", "RUN"])
def test_nothing_is_taken_from_the_network_by_name_alone(step):
    for rest in words(step):
        assert "curl" not in rest and "wget" not in rest and ":latest" not in rest
