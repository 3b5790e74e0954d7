"""What is sent to the Hub, by a stand-in for it that keeps what it is sent."""

import base64
import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading

import pytest
from huggingface_hub import HfApi, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from strata.base.errors import StrataError
from strata.commands import publish
from strata.commands.publish import check_recorded
from strata.publishing import demo, space
from strata.runtime.predictor import Predictor
from strata.score_table import parse
from strata.settings.yaml_loader import parse_yaml

TOKEN = "hf_notarealtoken"


class Hub(http.server.BaseHTTPRequestHandler):
    """The few calls that a commit takes. The server has `repositories` (name to private), `files` and `calls`."""

    def log_message(self, *_):
        pass

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, content: dict, code: int = 200, **headers: str) -> None:
        data = json.dumps(content).encode()
        self.send_response(code)
        for name, value in {"content-length": str(len(data)), "content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def commit(self, body: bytes) -> None:
        files = self.server.files
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            if line["key"] == "lfsFile":
                files[value["path"]] = self.server.blobs[value["oid"]]
            if line["key"] == "deletedFile":
                del files[value["path"]]

    def handle_any(self) -> None:
        hub, body = self.server, self.body()
        hub.calls.append((self.command, self.path, self.headers.get("authorization")))
        here = f"http://127.0.0.1:{hub.server_port}"
        if hub.hangs:
            hub.released.wait(30)
        elif hub.garbage is not None:
            self.send_response(200)
            self.send_header("content-length", str(len(hub.garbage)))
            self.end_headers()
            self.wfile.write(hub.garbage)
        elif hub.refuses:
            self.answer({"error": "Forbidden"}, hub.refuses)
        elif self.path.startswith("/put/"):
            hub.blobs[self.path.removeprefix("/put/")] = body
            self.answer({})
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            hub.repositories[f"{asked['organization']}/{asked['name']}"] = asked["visibility"] == "private"
            hub.kinds.append((asked.get("type", "model"), asked.get("sdk")))
            self.answer({"url": f"{here}/{asked['organization']}/{asked['name']}"})
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            mode = {True: "lfs", False: "regular"}
            self.answer({"files": [f | {"uploadMode": mode[f["size"] > 50_000], "shouldIgnore": False} for f in files]})
        elif self.path.endswith("/info/lfs/objects/batch"):
            objects = [
                wanted | {"actions": {"upload": {"href": f"{here}/put/{wanted['oid']}"}}}
                for wanted in json.loads(body)["objects"]
            ]
            self.answer({"transfer": "basic", "objects": objects})
        elif "/commit/" in self.path:
            self.commit(body)
            self.answer({"commitUrl": f"{here}/o/n/commit/{'1' * 40}", "commitOid": "1" * 40})
        elif (name := re.sub("^/api/(models|spaces)/", "", self.path)) in hub.repositories:
            held = [{"rfilename": path} for path in hub.files]
            self.answer({"id": name, "private": hub.repositories[name], "siblings": held})
        else:
            self.answer({}, 404, **{"x-error-code": "RepoNotFound"})

    do_GET = do_POST = do_PUT = do_HEAD = handle_any


@pytest.fixture
def hub(monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.repositories, server.files, server.blobs, server.calls, server.refuses = {}, {}, {}, [], None
    server.kinds = []
    server.hangs, server.garbage, server.released = False, None, threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    here = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(publish, "HfApi", lambda: HfApi(endpoint=here, token=TOKEN))
    monkeypatch.setattr(publish, "get_token", lambda: TOKEN)
    monkeypatch.setattr(publish, "check_recorded", lambda _: None)
    yield server
    server.released.set()
    set_client_factory(default_client_factory)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sent(trained):
    return ["o/n", "--project", str(trained.root)]


def test_the_whole_folder_and_its_card_arrive_in_a_private_repository(hub, sent, trained, capsys, caplog):
    caplog.set_level("DEBUG")
    publish.main(sent)
    folder = trained.root / "models/quantize"
    wanted = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert set(hub.files) == {*wanted, "README.md", "index.html"}
    for name, path in wanted.items():
        assert hashlib.sha256(hub.files[name]).digest() == hashlib.sha256(path.read_bytes()).digest(), name
    assert hub.repositories == {"o/n": True}
    assert hub.kinds == [("model", None)]
    assert hub.files["index.html"].decode() == demo.page("o/n")
    assert sum("/commit/" in path for _, path, _ in hub.calls) == 1
    assert any(path.startswith("/put/") for _, path, _ in hub.calls), "a large file goes as one"
    printed = capsys.readouterr()
    assert "commit/1" in printed.out
    assert TOKEN not in printed.out + printed.err + caplog.text
    assert all(token == f"Bearer {TOKEN}" for _, path, token in hub.calls if path.startswith("/api/"))


def test_the_card_names_the_repository_and_its_metadata_are_the_metrics(hub, sent, trained):
    publish.main(sent)
    card = hub.files["README.md"].decode()
    assert "OWNER/NAME" not in card
    assert 'pipeline("text-classification", model="o/n", truncation=True)' in card
    metadata = parse_yaml(card.split("---")[1])
    int8 = parse((trained.root / "plots/quantize/scores.csv").read_text())["int8", "test"]
    published = {entry["name"]: entry["value"] for entry in metadata["model-index"][0]["results"][0]["metrics"]}
    assert published == {f"{name}, int8": round(int8[name], 4) for name in ("accuracy", "f1", "mcc", "roc_auc")}
    assert metadata["pipeline_tag"] == "text-classification"


@pytest.mark.parametrize("kind", space.KINDS)
def test_a_space_is_private_and_holds_its_page_with_the_model(hub, sent, trained, tmp_path, kind, capsys):
    publish.main([*sent, "--space", *([kind] if kind == "static" else [])])
    assert hub.repositories == {"o/n": True}
    assert hub.kinds == [("space", kind)]
    assert all("/models/" not in path for _, path, _ in hub.calls)
    listed = set(re.findall(r"^publish: (\S+), ", capsys.readouterr().out, re.MULTILINE))
    assert listed == set(hub.files) == set(space.contents(kind, *inputs(trained), "o/n"))
    about = parse_yaml(hub.files["README.md"].decode().split("---")[1])
    assert (about["title"], about["sdk"]) == ("n", kind)
    assert about["app_file"] in hub.files
    assert not [name for name in hub.files if name.endswith((".safetensors", "model.onnx"))], "what no page reads"
    for name, content in hub.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    if kind == "gradio":
        assert Predictor(tmp_path / "model")(["a good film"]) == Predictor(inputs(trained)[0])(["a good film"])
        assert "OWNER/NAME" not in hub.files["model/README.md"].decode()
        assert f"gradio=={about['sdk_version']}" in hub.files["requirements.txt"].decode().splitlines()


def inputs(trained):
    return trained.root / "models/quantize", trained.root / "model_card.md"


def test_a_space_keeps_the_rules_of_a_model(hub, sent, monkeypatch, capsys):
    publish.main([*sent, "--space", "--dry-run"])
    assert "publish: nothing sent to o/n (dry run)" in capsys.readouterr().out
    assert not hub.calls
    hub.repositories["o/n"] = False
    with pytest.raises(StrataError, match=r"o/n is public; pass --public"):
        publish.main([*sent, "--space"])
    hub.files |= {"old.py": b"old"}
    publish.main([*sent, "--space", "static", "--public"])
    assert "old.py" not in hub.files

    def refuse(_):
        raise StrataError("the model is not that of the recorded run")

    monkeypatch.setattr(publish, "check_recorded", refuse)
    with pytest.raises(StrataError, match="not that of the recorded run"):
        publish.main([*sent, "--space"])


def test_a_space_of_packages_that_are_not_installed_is_told(hub, sent, monkeypatch):
    monkeypatch.setattr("importlib.metadata.packages_distributions", dict)
    with pytest.raises(StrataError, match=r"the package \w+ is not installed, which the Space needs; .*serve,page"):
        publish.main([*sent, "--space"])
    assert not hub.calls


def test_a_public_repository_is_refused_unless_asked_for(hub, sent):
    hub.repositories["o/n"] = False
    with pytest.raises(StrataError, match=r"o/n is public; pass --public, or choose another repository"):
        publish.main(sent)
    assert not hub.files
    publish.main([*sent, "--public"])
    assert "config.json" in hub.files


def test_what_an_earlier_model_left_there_goes(hub, sent):
    hub.repositories["o/n"] = True
    hub.files |= {"vocab.txt": b"old", ".gitattributes": b"kept", "config.json": b"old"}
    publish.main(sent)
    assert "vocab.txt" not in hub.files
    assert hub.files[".gitattributes"] == b"kept"
    assert hub.files["config.json"] != b"old"
    with pytest.raises(StrataError, match=r"o/n is private; make it public on the Hub, or leave --public out"):
        publish.main([*sent, "--public"])


def test_a_dry_run_sends_nothing_and_lists_what_the_help_lists(hub, sent, capsys):
    publish.main([*sent, "--dry-run"])
    assert not hub.calls
    listed = re.findall(r"^publish: (\S+), ", capsys.readouterr().out, re.MULTILINE)
    assert listed == re.findall(r"^ +publish: (\S+), ", publish.__doc__, re.MULTILINE)
    assert "onnx/model_quantized.onnx" in listed


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, r"o/n: the Hub refused \(403\); is the token one that may write there\?"),
        (401, r"o/n: the Hub refused \(401\); is the token one"),
        (400, r"o/n: the Hub refused \(400\); is the name right, and may the token write there\?"),
        (429, r"o/n: the Hub wants fewer requests \(429\); try again later"),
        (500, r"o/n: the Hub failed \(500\), which is its own fault; try again later"),
        (503, r"o/n: the Hub failed \(503\), which is its own fault"),
    ],
)
def test_a_refusal_is_one_line_without_the_token(hub, sent, status, sentence):
    hub.refuses = status
    with pytest.raises(StrataError, match=sentence) as error:
        publish.main(sent)
    assert TOKEN not in str(error.value)


def test_a_hub_that_hangs_is_given_up(hub, sent, monkeypatch):
    monkeypatch.setattr(publish, "PATIENCE", 0.3)
    hub.hangs = True
    with pytest.raises(StrataError, match=r"the Hub has not answered for 0.3 s; look at the repository before you"):
        publish.main(sent)


@pytest.mark.parametrize("garbage", [b"", b"<html>sign in</html>", b"[]", b"null", b'{"siblings": 7}', b"\xff" * 100])
def test_an_answer_that_is_not_the_hubs_is_one_line(hub, sent, garbage):
    hub.garbage = garbage
    with pytest.raises(StrataError, match=r"o/n: the Hub's answer cannot be understood \(\w+\); if HF_ENDPOINT is set"):
        publish.main(sent)


@pytest.mark.parametrize("token", ["hf_tökén", "hf_a b", "hf_a\nb", ""])
def test_a_token_that_is_none_is_told_before_anything_is_sent(hub, sent, monkeypatch, token):
    monkeypatch.setattr(publish, "get_token", lambda: token)
    with pytest.raises(
        StrataError, match=r"the token has spaces or characters that a token cannot have; hf auth login"
    ) as error:
        publish.main(sent)
    assert token == "" or token not in str(error.value)
    assert not hub.calls


@pytest.mark.parametrize("owner", publish.KINDS)
def test_a_part_of_the_hubs_addresses_is_no_owner(hub, sent, owner):
    with pytest.raises(StrataError, match=rf"'{owner}/a' cannot be the name of a model's repository; .*OWNER is none"):
        publish.main([f"{owner}/a", *sent[1:]])
    assert not hub.calls


def test_a_folder_that_is_not_as_quantize_wrote_it_is_not_sent(hub, copy_of_trained):
    (copy_of_trained.root / "models/quantize/notes.txt").touch()
    with pytest.raises(StrataError, match=r"models/quantize/notes.txt: not in manifest.json"):
        publish.main(["o/n", "--project", str(copy_of_trained.root)])
    assert not hub.calls


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: Unable to acquire lock. Most likely another DVC process is running",
        "ERROR: '/p/models' is busy, it is being blocked by:\n  (PID 7): dvc repro",
    ],
)
def test_another_dvc_command_is_not_taken_for_a_changed_model(monkeypatch, tmp_path, said):
    done = subprocess.CompletedProcess([], 255, "", said)
    monkeypatch.setattr(publish.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(StrataError, match=r"^another DVC command works in this project, .*; wait until it has ended"):
        publish.check_recorded(tmp_path)


@pytest.mark.parametrize(
    ("status", "changed"),
    [
        ({}, []),
        ({"ingest": [{"changed outs": {"data/ingest": "not in cache"}}]}, []),
        (
            {"split": [{"changed deps": {"data/standardize": "deleted"}}, {"changed outs": {"data/split": "deleted"}}]},
            [],
        ),
        ({"train": [{"changed deps": {"stages/train": "deleted"}}]}, ["train"]),
        (
            {"train": [{"changed deps": {"data/tokenize": "modified"}}], "report": ["changed command"]},
            ["train", "report"],
        ),
        ({"evaluate": [{"changed outs": {"data/evaluate": "not in cache"}}, "changed command"]}, ["evaluate"]),
    ],
)
def test_data_that_are_not_here_are_not_taken_for_a_changed_model(status, changed):
    assert publish.changed_stages(status) == changed


def test_a_dvc_that_is_missing_or_fails_is_not_taken_for_a_changed_model(monkeypatch, tmp_path):
    done = subprocess.CompletedProcess([], 255, "", "ERROR: you are not inside of a DVC repository")
    monkeypatch.setattr(publish.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(StrataError, match=r"since dvc status fails \(ERROR: you are not inside of a DVC repository\)"):
        publish.check_recorded(tmp_path)
    monkeypatch.setattr(publish.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(StrataError, match=r"^dvc is not installed beside this strata, .*pip install '.\[pipeline\]'$"):
        publish.check_recorded(tmp_path)


@pytest.mark.slow
def test_a_change_that_dvc_does_not_look_for_is_found(tmp_path):
    """DVC believes a file whose size, time and inode are those that it noted; so do a cache and a remote."""
    model = tmp_path / "models/quantize"
    (model / "onnx").mkdir(parents=True)
    for name, content in (("config.json", "{}"), ("onnx/model.onnx", "weights"), ("ä b.txt", "text")):
        (model / name).write_text(content)
    (tmp_path / "model_card.md").write_text("card")
    stage = "stages:\n  quantize:\n    cmd: 'true'\n    outs: [models/quantize, model_card.md]\n"
    (tmp_path / "dvc.yaml").write_text(stage)
    for argv in (["init", "--no-scm", "--quiet"], ["commit", "--force", "--quiet"]):
        subprocess.run([sys.executable, "-m", "dvc", *argv], cwd=tmp_path, check=True)
    check_recorded(tmp_path)
    path = model / "onnx/model.onnx"
    before = path.stat()
    path.chmod(0o644)
    with path.open("r+") as content:
        content.write("WEIGHTS")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(StrataError, match=r"models/quantize: not what dvc.lock records \(its MD5 is \w+.dir, recorded"):
        check_recorded(tmp_path)


def test_what_is_missing_or_misnamed_is_told_before_anything_is_sent(hub, sent, monkeypatch):
    with pytest.raises(StrataError, match=r"'name' cannot be the name of a model's repository; write OWNER/NAME"):
        publish.main(["name", *sent[1:]])
    with pytest.raises(StrataError, match=r"'me/a..b' cannot be the name"):
        publish.main(["me/a..b", *sent[1:]])
    monkeypatch.setattr(publish, "CARD", "nowhere.md")
    with pytest.raises(StrataError, match=r"nowhere.md: no such file; run dvc repro"):
        publish.main(sent)
    monkeypatch.setattr(publish, "CARD", "model_card.md")
    monkeypatch.setattr(publish, "get_token", lambda: None)
    with pytest.raises(StrataError, match=r"nobody is signed in to the Hub"):
        publish.main(sent)
    assert not hub.calls
