"""What a person sees at the command line when something is wrong."""

import os
import subprocess
import sys

import pytest

from strata.base import command_line
from strata.base.errors import StrataError, did_you_mean, nearest
from tests.conftest import DVC, ROOT, STAGES


def command(stage: str, cwd, **env):
    argv = DVC["stages"][stage]["cmd"].replace("${recipe}", "sample").split()[1:]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | env
    return subprocess.run([sys.executable, *argv], cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("stage", STAGES)
def test_a_typo_in_any_section_stops_every_stage(project, stage):
    project.params(train={"lrr": 1})
    with pytest.raises(StrataError, match=r"params.yaml: unknown key train.lrr; did you mean train.lr\?"):
        project.run(stage)
    assert not (project.root / "metrics").exists()


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["ingest", "train"])
def test_an_error_is_one_line_and_exit_code_1(project, stage):
    project.params(train={"lrr": 1})
    done = command(stage, project.root)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{stage}: params.yaml: unknown key train.lrr; did you mean train.lr?")
    assert len(done.stderr.splitlines()) == 1


def test_a_traceback_is_shown_when_asked_for(project):
    project.params(train={"lrr": 1})
    assert "Traceback" in command("ingest", project.root, STRATA_TRACEBACK="1").stderr


def test_a_missing_argument_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "stages.split", "--params", "params.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "the following arguments are required: --recipes, --data, --out, --metrics" in done.stderr


@pytest.mark.parametrize("code", ["print(TEXT)", "raise StrataError(TEXT)", "raise ValueError(TEXT)"])
def test_no_text_of_the_data_steers_the_terminal(code):
    text = "a \x1b[31mlabel\x9b\r\u202e 好 \nb"
    imports = "from strata.base import command_line\nfrom strata.base.errors import StrataError\n"
    source = f"{imports}TEXT = {text!r}\ndef main():\n {code}\ncommand_line.run(main, 'x')"
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert "label\\x9b" in said
    assert "好" in said
    assert all(character.isprintable() or character == "\n" for character in said)


@pytest.mark.parametrize("variable", ["GOMP_SPINCOUNT", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"])
def test_a_stage_sets_what_libraries_read_unless_the_user_has_set_it(variable):
    source = "import os\nfrom strata.base import command_line\n"
    source += f"command_line.run(lambda: print(os.environ['{variable}']), 'x')"
    unset = {name: value for name, value in os.environ.items() if name != variable}
    for env, seen in ((unset, command_line.ENVIRONMENT[variable]), (unset | {variable: "7"}, "7")):
        done = subprocess.run(
            [sys.executable, "-c", source], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        assert done.stdout == f"{seen}\n"


def test_ctrl_c_ends_a_stage_without_a_traceback():
    source = "from strata.base import command_line\ndef main():\n raise KeyboardInterrupt\ncommand_line.run(main, 'x')"
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(
    ("word", "allowed", "near"),
    [
        ("lrr", ["lr", "epochs"], "lr"),
        ("Lable", ["text", "label"], "label"),
        ("TEXT", ["text"], "text"),
        ("label", ["title", "gold_label"], "gold_label"),
        ("rotten", ["imdb", "rotten_tomatoes"], "rotten_tomatoes"),
        ("tset", ["train", "test"], "test"),
        ("text", ["review", "label"], None),
        ("target", ["text", "date"], None),
        ("sentiment", ["sentence", "id"], None),
        ("data", ["label"], None),
        ("ab", ["table"], None),
    ],
)
def test_a_name_is_suggested_only_if_it_is_near(word, allowed, near):
    assert nearest(word, allowed) == near
    hint = did_you_mean(word, allowed, "x.")
    assert hint.endswith(f"llowed: {', '.join(allowed)}")
    assert (f"did you mean x.{near}?" in hint) == (near is not None)


def test_of_many_names_some_are_listed():
    assert did_you_mean("none", [f"c{i}" for i in range(100)]).endswith(", c39 and 60 more")
    assert did_you_mean("none", []) == ""
