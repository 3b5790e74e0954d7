"""The command `strata`: its help, the command that is meant, and what it says where a package is missing."""

import io
import os
import re
import subprocess
import sys

import pytest

from strata.base.errors import StrataError
from strata.commands import main
from tests.conftest import ROOT

# shell's own way of asking for a package that is not there
WITHOUT = "import sys; sys.modules |= dict.fromkeys({missing!r}); from strata.commands.main import main; main({argv!r})"


def run(*argv: str, cwd=ROOT, missing: tuple[str, ...] = (), **env: str) -> subprocess.CompletedProcess:
    code = WITHOUT.format(missing=list(missing), argv=list(argv))
    env = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"} | env
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_the_help_names_every_command(capsys):
    main.main([])
    printed = capsys.readouterr().out
    for name, about in main.COMMANDS.items():
        assert re.search(rf"^  {name} +{about}$", printed, re.MULTILINE)
    modules = {path.stem for path in (ROOT / "strata/commands").glob("*.py")}
    assert modules - {"__init__", "main", "arguments"} == set(main.COMMANDS)


@pytest.mark.parametrize("name", main.COMMANDS)
def test_the_help_of_a_command_shows_an_example_with_its_output(name, capsys):
    with pytest.raises(SystemExit) as exit_:
        main.subcommand(name, ["--help"])
    printed = capsys.readouterr().out
    assert exit_.value.code == 0
    assert printed.startswith(f"usage: strata {name} [-h]")
    example = re.search(rf"\n    \$ strata {name}\b.*\n((    .*)?\n)+", printed)
    assert example and len(example.group().strip().splitlines()) >= 2
    about = main.COMMANDS[name]
    assert about.split()[0] in printed


def test_a_mistyped_command_is_told_with_the_nearest():
    done = run("predcit", "models/quantize")
    assert done.returncode == 1
    assert done.stderr.startswith("strata: no command 'predcit'; did you mean predict? Allowed: recipe, audit, sweep")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["predict"], "the following arguments are required: FOLDER"),
        (["sweep", "lr", "--jobs", "many"], "argument --jobs: invalid int value: 'many'"),
        (["recipe", "a.csv", "--texts", "b"], "unrecognized arguments: --texts b"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_one_line(argv, words):
    with pytest.raises(StrataError, match=f"^{words}; see strata {argv[0]} --help$"):
        main.subcommand(argv[0], argv[1:])


@pytest.mark.parametrize(
    ("argv", "missing", "brought_by"),
    [
        (["recipe", "a.csv"], "pyarrow", "'.[pipeline]'"),
        (["audit", "a.csv", "b.csv"], "rensa", "'.[pipeline]'"),
        (["compare", "HEAD"], "pandas", "'.[pipeline]'"),
        (["publish", "me/films"], "huggingface_hub", "'.[pipeline]'"),
        (["verify"], "yaml", "'.[pipeline]'"),
        (["predict", "folder", "a"], "onnxruntime", "."),
        (["serve", "folder"], "starlette", "'.[serve]'"),
        (["serve", "folder"], "tokenizers", "'.[serve]'"),
    ],
)
def test_a_missing_package_is_named_in_one_line_with_what_brings_it(tmp_path, argv, missing, brought_by):
    done = run(*argv, cwd=tmp_path, missing=[missing])
    assert done.returncode == 1
    assert done.stderr == (
        f"{argv[0]}: the package {missing} is not installed; in Strata's folder: pip install {brought_by}\n"
    )


@pytest.mark.parametrize("name", main.COMMANDS)
def test_help_needs_no_package(tmp_path, name):
    done = run(name, "--help", cwd=tmp_path, missing=["pyarrow", "numpy", "yaml", "dvc", "huggingface_hub"])
    assert done.returncode == 0, done.stderr
    assert f"$ strata {name}" in done.stdout


def test_the_version_is_that_of_the_package(capsys):
    main.subcommand("--version", [])
    assert capsys.readouterr().out.startswith("strata ")


def test_help_for_a_reader_that_has_enough_ends_without_a_word(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr("sys.stdout", closed)
        main.subcommand("--help", [])


def test_check_names_what_it_lacks_for_a_table_of_texts(trained, tmp_path):
    (tmp_path / "texts.csv").write_text("text,label\n", encoding="utf-8")
    done = run("check", str(trained.root / "models/quantize"), "texts.csv", cwd=tmp_path, missing=["pyarrow"])
    assert done.returncode == 1
    assert done.stderr.startswith("check: the package pyarrow is not installed")


@pytest.mark.parametrize("argv", [["recipe", "a.csv"], ["compare", "HEAD"], ["publish", "me/films"], ["verify"]])
def test_a_folder_that_is_no_project_is_told(tmp_path, monkeypatch, argv):
    monkeypatch.chdir(tmp_path)
    sentence = r"not a Strata project \(dvc.yaml and params.yaml missing\); run this in a project's folder, or name"
    with pytest.raises(StrataError, match=f"^{tmp_path}: {sentence} one with --project$"):
        main.subcommand(argv[0], argv[1:])
    with pytest.raises(StrataError, match=f"^{tmp_path}/sub: {sentence}"):
        main.subcommand(argv[0], [*argv[1:], "--project", "sub"])


def test_in_a_folder_of_a_project_the_project_is_named(project, monkeypatch):
    monkeypatch.chdir(project.root / "recipes")
    with pytest.raises(StrataError, match=rf"run this in a project's folder, such as {project.root}, or name one with"):
        main.subcommand("verify", [])


def test_help_may_stand_before_the_command(capsys):
    with pytest.raises(SystemExit):
        main.subcommand("help", ["predict"])
    assert capsys.readouterr().out.startswith("usage: strata predict [-h]")


def test_a_reader_that_has_enough_ends_the_command_without_a_word(trained, tmp_path):
    code = WITHOUT.format(missing=[], argv=["predict", str(trained.root / "models/quantize")])
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        process.stdout.close()
        process.stdin.write(b"a good film\n" * 3000)
        process.stdin.close()
        said = process.stderr.read()
    assert said == b""


def test_the_recipe_of_another_folder_is_written_there(project, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f'"text number {i} of many",{"yes" if i % 2 else "no"}\n' for i in range(30))
    (tmp_path / "films.csv").write_text(f"text,kind\n{rows}", encoding="utf-8")
    main.subcommand("recipe", ["films.csv", "--project", "project"])
    assert (project.root / "recipes/films.yaml").is_file()
    assert (project.root / "data/raw/films/films.csv").samefile(tmp_path / "films.csv")
    printed = capsys.readouterr().out
    assert "project/recipes/films.yaml: text text, label kind with 2 labels" in printed
    assert "next: cd project; dvc exp run -S recipe=films" in printed
    assert not (tmp_path / "recipes").exists()


def test_predict_reads_standard_input_of_any_bytes(trained, monkeypatch, capsys):
    stdin = io.TextIOWrapper(io.BytesIO("a good film\ncaf\udce9\n".encode(errors="surrogateescape")), "ascii")
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(StrataError, match=r"text 2 is not UTF-8; convert it"):
        main.subcommand("predict", [str(trained.root / "models/quantize")])
    assert len(capsys.readouterr().out.splitlines()) == 1
