"""Files from the Hub's cache and from an https server, and the sentence for each that is not what it should be."""

import hashlib
import http.server
import os
import ssl
import subprocess
import sys
import threading

import pytest

from stages.ingest import remote
from strata.base.errors import StrataError
from tests.conftest import ROOT

CONTENT = b"text,label\na,1\n"
SHA = hashlib.sha256(CONTENT).hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A dataset in the layout of the Hub's cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "datasets--owner--reviews/snapshots" / COMMIT
    names = [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/test-00000-of-00001.parquet",
    ]
    for name in [*names, "README.md", "extra/constrained.csv"]:
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_bytes(CONTENT)
    return snapshot


@pytest.mark.parametrize(
    ("address", "role", "names"),
    [
        (f"hub://owner/reviews@{COMMIT}", "train", ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]),
        (f"hub://owner/reviews@{COMMIT}", "test", ["test-00000-of-00001.parquet"]),
        (f"hub://owner/reviews@{COMMIT}/extra/*.csv", "train", ["constrained.csv"]),
        (f"hub://owner/reviews@{COMMIT}/data/test-00000-of-00001.parquet", "train", ["test-00000-of-00001.parquet"]),
    ],
)
def test_a_dataset_on_the_hub_gives_its_files(hub, address, role, names):
    assert [path.name for path in remote.hub_files(address, role)] == names


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("hub://owner/reviews", r"not a dataset on the Hub; write hub://OWNER/NAME@COMMIT/FILE"),
        ("hub://owner/reviews@main", r"main can move; write the commit's 40 hexadecimal digits"),
        (f"hub://owner/reviews@{COMMIT}/../x.csv", r"the path climbs out of the repository"),
        (f"hub://owner/reviews@{COMMIT}/gone.csv", r"no gone.csv files among .*data/test-00000.*; write hub://owner"),
        (f"hub://owner/other@{COMMIT}", r"not found on the Hub, nor in its cache \(\w+\); fix the name"),
    ],
)
def test_a_missing_dataset_is_named(hub, address, sentence):
    with pytest.raises(StrataError, match=sentence):
        remote.hub_files(address, "train")


def test_a_split_in_several_folders_is_refused(hub):
    (hub / "other/train.csv").parent.mkdir()
    (hub / "other/train.csv").write_bytes(CONTENT)
    with pytest.raises(StrataError, match=r"several folders hold train files among .*other/train.csv"):
        remote.hub_files(f"hub://owner/reviews@{COMMIT}", "train")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An https server on the loopback address, and the certificate file of its authority."""
    import trustme

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/away"):
                self.send_response(302)
                self.send_header("Location", "http://localhost/rows.csv")
                self.end_headers()
                return
            if self.path.startswith("/loud"):
                self.send_response(500, "\x1b[31mred\x9b!")
            else:
                self.send_response(200 if self.path.startswith("/rows") else 404)
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *args):
            pass

    authority = trustme.CA()
    trusted = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_port}", trusted
    server.shutdown()
    server.server_close()


def test_a_pinned_file_is_downloaded(server, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(server[1]))
    path = remote.download(f"{server[0]}/rows%2Fa.csv#sha256={SHA}", tmp_path / "downloads")
    assert (path.name, path.read_bytes()) == ("rows_a.csv", CONTENT)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/rows.csv", rf"its content may change; the file there now has SHA-256 {SHA}; if you trust it, write"),
        (f"/rows.csv#sha256={'0' * 64}", rf"the file there has SHA-256 {SHA}, the recipe says 000"),
        ("/rows.csv#md5=1", r"what follows # must be sha256= and 64"),
        ("/gone.csv", r"gone.csv: cannot be downloaded: HTTP Error 404: Not Found; fix the address"),
        ("/away.csv", r"redirects to http://localhost/rows.csv, which is not https"),
    ],
)
def test_a_file_other_than_the_pinned_one_is_refused(server, tmp_path, monkeypatch, path, sentence):
    monkeypatch.setenv("SSL_CERT_FILE", str(server[1]))
    with pytest.raises(StrataError, match=sentence):
        remote.download(server[0] + path, tmp_path)


def test_untrusted_servers_passwords_and_huge_files_are_refused(server, tmp_path, monkeypatch):
    with pytest.raises(StrataError, match=r"cannot be downloaded: .*CERTIFICATE_VERIFY_FAILED"):
        remote.download(f"{server[0]}/rows.csv", tmp_path)
    with pytest.raises(StrataError, match=r"source localhost: has a user name or password in it") as caught:
        remote.download("https://me:secret@localhost/rows.csv", tmp_path)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("SSL_CERT_FILE", str(server[1]))
    monkeypatch.setattr(remote, "MOST", 5)
    with pytest.raises(StrataError, match=r"more than 5 bytes; download it yourself"):
        remote.download(f"{server[0]}/rows.csv", tmp_path)


def test_the_status_of_a_server_steers_no_terminal(server, tmp_path):
    imports = "from pathlib import Path\nfrom stages.ingest import remote\nfrom strata.base import command_line\n"
    source = (
        f"{imports}command_line.run(lambda: remote.download('{server[0]}/loud.csv', Path({str(tmp_path)!r})), 'ingest')"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env=os.environ | {"SSL_CERT_FILE": str(server[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert r"loud.csv: cannot be downloaded: HTTP Error 500: \x1b[31mred\x9b!; fix the address" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.strip().isprintable()
