"""The server: its answers are the predictor's, its queue is fair and bounded, and nothing of a client stops it."""

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings, strategies
from starlette.exceptions import HTTPException

from strata.base.errors import StrataError
from strata.commands import serve
from strata.runtime import manifest
from strata.runtime.explain import explain
from strata.runtime.predictor import Predictor
from strata.serving import documentation
from strata.serving.access import api_key
from strata.serving.app import create_app
from strata.serving.job_queue import JobQueue
from strata.serving.limits import Limits
from strata.serving.log import Log
from strata.serving.models import Models
from strata.serving.page_limits import PageLimits
from strata.serving.refused import Refused
from strata.serving.server import Server, address, is_loopback, listening, send_to
from strata.serving.service import Service
from strata.serving.watch import Watch
from tests.conftest import ROOT, reviews
from tests.test_predict import copied

KEY = "0123456789abcdef"
TEXTS = [text for text, _ in reviews(40)]
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def folder(trained):
    return trained.root / "models/quantize"


@pytest.fixture(scope="module")
def models(folder):
    return Models({"films": folder})


@pytest.fixture
def started():
    """Make services, and end their threads after the test."""
    made = []

    def start(models, threads=2, **limits):
        made.append(Service(models, threads, Limits(**limits)))
        return made[-1]

    yield start
    for service in made:
        service.work.close()


@pytest.fixture
def service(started, models):
    return started(models)


def client(service, **options) -> TestClient:
    return TestClient(create_app(service, page=False, **options))


@contextlib.contextmanager
def blocked(work: JobQueue):
    """Have every thread of a queue wait until the block ends."""
    going, go_on = threading.Semaphore(0), threading.Event()

    def unit(_):
        going.release()
        go_on.wait()

    jobs = [work.submit([unit]) for _ in range(work.threads)]
    for _ in jobs:
        going.acquire()
    try:
        yield
    finally:
        go_on.set()
        for job in jobs:
            job.future.result()


def polled(condition) -> None:
    """Wait until a condition holds. Fails after some seconds."""
    tick = threading.Event()
    for _ in range(1000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("did not come about")


# answers


def test_the_answers_are_those_of_the_predictor(service, folder):
    predictor, asked = Predictor(folder), client(service)
    given = asked.post("/predict", json={"texts": TEXTS}).json()
    expected = predictor(TEXTS)
    assert [answer["label"] for answer in given["answers"]] == [answer["label"] for answer in expected]
    probabilities = [answer["probability"] for answer in expected]
    assert [answer["probability"] for answer in given["answers"]] == pytest.approx(probabilities, abs=1e-6)
    assert (given["model"], len(given["version"])) == ("films", 12)
    (one,) = asked.post("/predict", json={"texts": TEXTS[0], "all": True}).json()["answers"]
    assert list(one["probabilities"]) == predictor.labels
    assert list(one["probabilities"].values()) == pytest.approx(predictor.probabilities(TEXTS[:1])[0], abs=1e-6)
    row = {"text": TEXTS[0], "stars": 3, "seen": None}
    assert asked.post("/predict", json={"texts": row}).json()["answers"] == given["answers"][:1]
    assert asked.post("/predict", json={"texts": []}).json()["answers"] == []


def test_an_explanation_is_that_of_the_predictor(service, folder):
    given = client(service).post("/explain", json={"text": TEXTS[0]}).json()
    expected = explain(Predictor(folder), TEXTS[0])
    weights = [[word.pop("weight") for word in explanation["words"]] for explanation in (given, expected)]
    assert weights[0] == pytest.approx(weights[1], abs=1e-5)
    assert given["probability"] == pytest.approx(expected.pop("probability"), abs=1e-6)
    assert expected.items() <= given.items()


def test_a_model_that_is_not_sure_says_so(started, folder, tmp_path):
    service = started(Models({"careful": copied(folder, tmp_path / "careful", abstain_below=1.0)}))
    (answer,) = client(service).post("/predict", json={"texts": TEXTS[0]}).json()["answers"]
    assert answer["label"] is None
    assert len(answer["likeliest"]) == 2
    explanation = client(service).post("/explain", json={"text": TEXTS[0]}).json()
    assert explanation["label"] is None
    assert explanation["explained"] == answer["likeliest"][0]["label"]


def test_several_models_are_asked_by_their_names(started, folder, tmp_path):
    never = copied(folder, tmp_path / "never", threshold=1.0, positive="positive")
    asked = client(started(Models({"films": folder, "never": never})))
    assert [model["name"] for model in asked.get("/models").json()["models"]] == ["films", "never"]
    bodies = {name: asked.post(f"/models/{name}/predict", json={"texts": TEXTS}).json() for name in ("films", "never")}
    assert {answer["label"] for answer in bodies["never"]["answers"]} == {"negative"}
    assert bodies["films"] == asked.post("/predict", json={"texts": TEXTS}).json()
    missing = asked.post("/models/gone/explain", json={"text": "a"})
    assert (missing.status_code, missing.json()["error"]) == (404, "no such model; there are: films, never")


# what is refused


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "the body is not JSON (Expecting value, character 0)"),
        (b'{"texts": "caf\xe9"}', 400, "the body is not UTF-8 (byte 14)"),
        (b"[" * 100_000, 400, "the body is nested too deeply"),
        (b'{"texts": NaN}', 400, "the body has a number that JSON or this server does not know"),
        (b'{"texts": ' + b"9" * 5000 + b"}", 400, "the body has a number that JSON or this server does not know"),
        (b"[]", 422, 'the body is a list, must be an object such as {"texts": "a warm, funny film"}'),
        (b"{}", 422, "the body has no texts"),
        (b'{"text": "a"}', 422, "no key 'text'; did you mean texts? Allowed: texts, all"),
        (b'{"texts": 1}', 422, "texts is a number, must be a text, a row, or a list of these"),
        (b'{"texts": "a", "all": 1}', 422, "all is a number, must be true or false"),
        (b'{"texts": ["a", null]}', 422, "text 2 is null, must be a text, or a row as {column: value}"),
        (b'{"texts": ["\\ud800"]}', 422, "text 1 has half of a character (a lone surrogate)"),
        (b'{"texts": {"text": "\\ud800"}}', 422, "text 1: 'text' has half of a character (a lone surrogate)"),
        (b'{"texts": {"text": ["a"]}}', 422, "text 1: 'text' is a list, must be a text, a number or null"),
        (b'{"texts": {"review": "a"}}', 422, "text 1 has no 'text', which the model reads"),
        (b'{"texts": ["a", "b", "c", "d"]}', 413, "4 texts; at most 3 are taken in a request"),
        (b" " * 2001, 413, "the body has more than 2,000 bytes; send fewer texts in a request"),
    ],
)
def test_a_body_that_is_no_question_is_refused_in_one_sentence(started, models, body, status, sentence):
    limits = {"texts": 3, "body": 2000 if len(body) < 3000 else 1 << 20}
    given = client(started(models, **limits)).post("/predict", content=body, headers=JSON)
    assert (given.status_code, given.json()) == (status, {"error": sentence})


def test_a_body_without_its_length_is_cut_off_while_it_is_read(started, models):
    with running(started(models, body=10_000)) as base:
        given = httpx.post(f"{base}/predict", content=(b" " * 1000 for _ in range(20)), headers=JSON)
    assert given.status_code == 413


def test_all_bodies_together_have_a_limit_too(started, models):
    service = started(models, threads=1, held=3000)
    asked, long = client(service), {"texts": "good " * 500}
    with ThreadPoolExecutor(1) as pool, blocked(service.work):
        waiting = pool.submit(asked.post, "/predict", json=long)
        polled(lambda: service.work.queued)
        given = client(service).post("/predict", json=long)
        assert (given.status_code, given.headers["retry-after"]) == (503, "1")
        assert given.json()["error"] == "too many bytes of other requests are held; try again later"
    assert waiting.result().status_code == 200
    assert service.held.bytes == 0


def test_only_json_is_taken_and_only_known_paths(service):
    asked = client(service)
    assert asked.post("/predict", content=b'{"texts": "a"}').status_code == 415
    assert asked.post("/predict", content=b"a=b", headers={"content-type": "text/json"}).status_code == 415
    assert asked.get("/predict").status_code == 405
    assert asked.get("/predict").headers["allow"] == "POST"
    assert asked.get("/nowhere").json() == {"error": "not found"}


def test_a_key_is_asked_for_everywhere_but_where_it_is_watched(service):
    asked = client(service, key=KEY)
    assert [asked.get(path).status_code for path in ("/health", "/ready")] == [200, 200]
    for path in ("/", "/models", "/metrics", "/openapi.json", "/nowhere"):
        assert asked.get(path).status_code == 401
    wrong = [
        "",
        "Bearer",
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY}é",
        "Basic !",
        "Basic " + base64.b64encode(b"x").decode(),
    ]
    for value in wrong:
        given = asked.post("/predict", json={"texts": "a"}, headers={"authorization": value.encode()})
        assert (given.status_code, "Basic" in given.headers["www-authenticate"]) == (401, True)
    for value in (f"Bearer {KEY}", f"bearer  {KEY}", "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode()):
        given = asked.post("/predict", json={"texts": "a"}, headers={"authorization": value})
        assert given.status_code == 200


def test_a_key_is_in_a_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("STRATA_API_KEY", raising=False)
    assert api_key(None) is None
    monkeypatch.setenv("STRATA_API_KEY", KEY)
    assert api_key(None) == KEY
    (tmp_path / "key").write_text(f"{KEY[::-1]}\n")
    assert api_key(tmp_path / "key") == KEY[::-1]
    (tmp_path / "key").write_text("short\n")
    with pytest.raises(StrataError, match="key: a key has 16 or more letters, digits and signs, without spaces"):
        api_key(tmp_path / "key")
    with pytest.raises(StrataError, match="gone: no such file or directory; --key-file names a file that holds"):
        api_key(tmp_path / "gone")


# the queue


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(started, models):
    service = started(models, threads=1, queue=1, waiting=5)
    asked = client(service)
    with ThreadPoolExecutor(1) as pool, blocked(service.work):
        waiting = pool.submit(asked.post, "/predict", json={"texts": TEXTS[:4]})
        polled(lambda: service.work.queued)
        given = client(service).post("/predict", json={"texts": "a"})
        assert (given.status_code, given.json()["error"]) == (503, "the queue is full; try again later")
        assert int(given.headers["retry-after"]) >= 1
    assert waiting.result().status_code == 200


def test_many_texts_fill_the_queue_for_many_texts_alone(started, models):
    work = started(models, threads=1, waiting=5).work
    with blocked(work):
        jobs = [work.submit([int] * 4)]
        with pytest.raises(Refused, match="full"):
            work.submit([int] * 2)
        jobs.append(work.submit([int]))
    assert [job.future.result() for job in jobs] == [[False] * 3 + [True], [False]]


def test_a_single_text_waits_for_one_text_of_every_other_request(started, models):
    work, done = started(models, threads=1).work, []
    with blocked(work):
        jobs = [
            work.submit([lambda _, name=name: done.append(name)] * count) for name, count in (("long", 5), ("one", 1))
        ]
    for job in jobs:
        job.future.result()
    assert done == ["long", "one", "long", "long", "long", "long"]


def test_a_unit_is_told_whether_it_has_the_cores_for_itself():
    work, told = JobQueue(2, Limits()), []
    work.submit([told.append]).future.result()
    with blocked(work):
        waiting = [work.submit([told.append]), work.submit([told.append])]
    for job in waiting:
        job.future.result()
    work.submit([told.append]).future.result()
    assert (told[0], told[1], told[3]) == (True, False, True)


def test_a_text_without_words_has_no_label(started, models):
    asked = client(started(models))
    given = asked.post("/predict", json={"texts": ["", " \n", "a good film"], "all": True}).json()["answers"]
    assert given[:2] == [{"label": None, "probability": None}] * 2
    assert given[2]["label"]
    explained = asked.post("/explain", json={"text": " "}).json()
    assert (explained["label"], explained["explained"], explained["words"]) == (None, None, [])


@pytest.mark.parametrize("page", [True, False])
def test_another_method_or_path_is_one_sentence(models, page):
    service = Service(models, 1, Limits())
    asked = TestClient(create_app(service, page=page))
    for method, path in (
        ("GET", "/predict"),
        ("PUT", "/explain"),
        ("POST", "/health"),
        ("DELETE", "/models/films/predict"),
    ):
        refused = asked.request(method, path)
        assert (refused.status_code, list(refused.json())) == (405, ["error"])
    assert "takes POST" in asked.get("/predict").json()["error"]
    assert asked.head("/health").status_code == 200
    missing = asked.get("/nope")
    assert (missing.status_code, missing.json()) == (404, {"error": "not found"})
    service.work.close()


def test_a_unit_that_fails_ends_its_request_and_no_other(started, models):
    work, done = started(models, threads=1).work, []

    def fails(_):
        raise StrataError("no")

    with blocked(work):
        failing, other = work.submit([fails, lambda _: done.append(1)]), work.submit([lambda _: 7])
    assert other.future.result() == [7]
    with pytest.raises(StrataError, match="no"):
        failing.future.result()
    assert (done, work.waiting, work.queued) == ([], 0, 0)


def test_a_request_that_takes_too_long_is_given_up(started, models):
    service = started(models, threads=1, seconds=0.01)
    with blocked(service.work):
        given = client(service).post("/predict", json={"texts": TEXTS})
        assert (given.status_code, given.headers["retry-after"]) == (504, "1")
        assert given.json()["error"] == "not done in 0.01 seconds; send fewer texts, or try again later"
        assert service.work.waiting == 0


def test_what_a_client_that_has_gone_had_asked_is_not_computed(started, models):
    service = started(models, threads=1)
    app = create_app(service, page=False)
    body, sent = json.dumps({"texts": TEXTS}).encode(), []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "headers": [],
        "http_version": "1",
    }
    scope["headers"] = [(b"content-type", b"application/json")]

    async def ask(gone: asyncio.Event) -> None:
        events = [{"type": "http.request", "body": body}]

        async def receive():
            if events:
                return events.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await app(scope, receive, send)

    async def go() -> None:
        gone = asyncio.Event()
        asking = asyncio.create_task(ask(gone))
        while not service.work.queued:
            await asyncio.sleep(0)
        gone.set()
        await asking

    with blocked(service.work):
        asyncio.run(go())
        assert (service.work.waiting, service.work.queued, service.open) == (0, 0, 0)
    assert sent[0]["status"] == 499
    assert service.work.done == 1


def test_an_error_of_the_model_is_told_and_one_of_the_server_only_by_its_kind(started, models, monkeypatch, capsys):
    log = Log()
    service = started(models)
    asked = TestClient(create_app(service, log=log, page=False))
    for error, status in ((StrataError("the model gives NaN"), 500), (RuntimeError(TEXTS[0]), 500)):

        def fails(*_, error=error):
            raise error

        monkeypatch.setattr(models.get(None).predictor.classifier, "logits", fails)
        given = asked.post("/predict", json={"texts": TEXTS[0]})
        assert given.status_code == status
        assert TEXTS[0] not in given.text
    assert given.json() == {"error": "this server has an error; its log says of what kind"}
    log.close()
    logged = capsys.readouterr().err
    assert "serve: 500 RuntimeError inside the server" in logged
    assert TEXTS[0] not in logged


# what is told


def test_the_metrics_count_and_hold_no_word_of_a_client(started, models, folder):
    service = started(models)
    asked = client(service)
    asked.post("/predict", json={"texts": TEXTS})
    asked.post("/predict", json={"texts": 1})
    asked.get("/secret?text=secret")
    asked.post("/models/secret/predict", json={"texts": "secret"})
    told = asked.get("/metrics").text
    for line in (
        'strata_requests_total{path="/predict",status="200"} 1.0',
        'strata_requests_total{path="/predict",status="422"} 1.0',
        'strata_requests_total{path="other",status="404"} 1.0',
        'strata_refused_total{status="422"} 1.0',
        f'strata_texts_total{{model="films"}} {len(TEXTS)}.0',
        'strata_request_seconds_count{path="/predict"} 2.0',
        "strata_queue_texts 0.0",
        f'strata_model_info{{model="films",version="{models.get(None).version}"}} 1.0',
    ):
        assert line in told.splitlines()
    assert "secret" not in told


def test_the_document_names_every_path_and_the_limits(service):
    asked = client(service)
    document = asked.get("/openapi.json").json()
    routes = {route.path for route in asked.app.routes if getattr(route, "include_in_schema", False)}
    assert set(document["paths"]) == routes - {"/openapi.json"}
    schemas = document["components"]["schemas"]
    assert schemas["Texts"]["properties"]["texts"]["anyOf"][-1]["maxItems"] == service.limits.texts
    assert document["components"]["parameters"]["Name"]["schema"]["enum"] == ["films"]
    keyed = documentation.openapi(service, True)["paths"]
    assert "401" in keyed["/predict"]["post"]["responses"]
    assert "401" not in keyed["/ready"]["get"]["responses"]


def test_it_does_what_its_document_says(service):
    """Questions of the document's shape and others, by schemathesis."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(service, page=False))
    both = [schema.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
    @given(case=strategies.one_of(both))
    def holds(case):
        case.call_and_validate()

    holds()


# a model is replaced


def test_a_changed_folder_is_loaded_once_it_is_whole(started, folder, tmp_path):
    own = copied(folder, tmp_path / "model")
    models, said, counted = Models({"films": own}), [], []
    watch = Watch(models, said.append, lambda *words: counted.append(words))
    asked, old = client(started(models)), models.get(None).version
    watch.look()
    assert said == []
    (own / "config.json").write_text(json.dumps(json.loads((own / "config.json").read_text()) | {"threshold": 1.0}))
    for _ in range(3):
        watch.look()
    assert re.fullmatch(rf"films: refused, version {old} goes on: {own}/config.json: not the file that .*", *said)
    assert asked.post("/predict", json={"texts": TEXTS}).json()["version"] == old
    manifest.write(own, "1.24")
    watch.look()
    assert models.get(None).version == old, "it may still be written"
    watch.look()
    given = asked.post("/predict", json={"texts": TEXTS}).json()
    assert given["version"] == models.get(None).version != old
    assert {answer["label"] for answer in given["answers"]} == {"negative"}
    assert said[1:] == [f"films: version {given['version']} instead of {old}"]
    assert counted == [("films", "refused"), ("films", "loaded")]
    watch.look(every=True)
    assert said[2:] == [f"films: version {given['version']}, as before"]


@pytest.mark.parametrize("name", ["manifest.json", "tokenizer.json", "onnx/model_quantized.onnx", "config.json"])
def test_a_folder_without_one_of_its_files_is_refused_and_named(started, folder, tmp_path, name):
    own, said = copied(folder, tmp_path / "model"), []
    models = Models({"films": own})
    watch = Watch(models, said.append, lambda *words: None)
    (own / name).unlink()
    for _ in range(3):
        watch.look()
    assert len(said) == 1
    assert f"{own}/{name}: no such file" in said[0]
    assert len(said[0].splitlines()) == 1
    assert client(started(models)).post("/predict", json={"texts": TEXTS}).status_code == 200


def test_a_folder_that_changes_before_it_is_watched_is_loaded_too(folder, tmp_path):
    own = copied(folder, tmp_path / "model")
    models = Models({"films": own})
    old = models.get(None).version
    manifest.write(own, "1.23")
    Watch(models, lambda line: None, lambda *words: None).look()
    assert models.get(None).version != old


def test_a_request_keeps_the_model_that_it_began_with(started, folder, tmp_path):
    never = Models({"films": copied(folder, tmp_path / "never", threshold=1.0, positive="positive")}).get(None)
    models = Models({"films": folder})
    service, old = started(models, threads=1), models.get(None)
    with ThreadPoolExecutor(1) as pool, blocked(service.work):
        waiting = pool.submit(client(service).post, "/predict", json={"texts": TEXTS})
        polled(lambda: service.work.queued)
        models.replace(never)
    given = waiting.result().json()
    assert given["version"] == old.version
    assert "positive" in {answer["label"] for answer in given["answers"]}
    assert client(service).post("/predict", json={"texts": TEXTS[0]}).json()["version"] == never.version


# the process


@contextlib.contextmanager
def running(service, **options):
    """Serve in a thread, and give the address."""
    made = listening("127.0.0.1", 0)
    server = Server(create_app(service, page=False, **options), service)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [made]})
    where = address(made)
    thread.start()
    polled(lambda: server.started)
    try:
        yield where
    finally:
        server.handle_exit(signal.SIGTERM, None)
        thread.join()


def test_at_its_end_it_answers_what_it_has_and_takes_nothing_new(started, models):
    service = started(models, threads=1)
    with ThreadPoolExecutor(1) as pool, running(service) as base, blocked(service.work):
        waiting = pool.submit(httpx.post, f"{base}/predict", json={"texts": TEXTS})
        polled(lambda: service.work.queued)
        service.ending = True
        ready, asked = httpx.get(f"{base}/ready"), httpx.post(f"{base}/predict", json={"texts": "a"})
        assert [ready.status_code, asked.status_code] == [503, 503]
        assert [given.headers["retry-after"] for given in (ready, asked)] == ["1", "1"]
        assert httpx.get(f"{base}/health").status_code == 200
        assert not waiting.done()
    assert len(waiting.result().json()["answers"]) == len(TEXTS)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /predict HT",
        b"POST /predict HTTP/1.1\r\nhost: a\r\n",
        b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{",
        b"\0\xff" * 100,
        b"GET /health HTTP/1.1\r\nhost: a\r\n\r\nGET /hea",
    ],
)
def test_a_client_that_stops_halfway_loses_its_connection(started, models, sent):
    with running(started(models, head=0.05, reading=0.05, idle=0.05)) as base:
        _, _, port = base.rpartition(":")
        with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as connection:
            connection.sendall(sent)
            received = b"".join(iter(lambda: _received(connection), b""))
        if b"content-length: 50" in sent:
            assert b" 408 " in received.splitlines()[0]
        assert httpx.get(f"{base}/health").status_code == 200


def test_more_connections_than_there_may_be_are_refused(started, models):
    with running(started(models, connections=1, spared=1000)) as base, httpx.Client() as first:
        assert first.get(f"{base}/health").status_code == 200
        given = httpx.get(f"{base}/health")
        assert (given.status_code, given.headers["retry-after"]) == (503, "1")
        assert given.json() == {"error": "too many connections; try again later"}


def test_a_new_connection_replaces_the_one_that_has_been_idle_longest(started, models):
    with running(started(models, connections=2, spared=0.0)) as base:
        port = int(base.rpartition(":")[2])
        oldest, used = (socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(2))
        with oldest, used, httpx.Client() as first, httpx.Client() as second:
            assert all(_says_it_is_alive(connection) for connection in (oldest, used, used))
            assert first.get(f"{base}/health").status_code == 200
            assert oldest.recv(1) == b""
            assert _says_it_is_alive(used), "it stayed"
            assert second.get(f"{base}/health").status_code == 200, "the place of the first"


def test_connections_that_were_refused_make_no_room(started, models):
    service = started(models, threads=1, connections=1, spared=0.0)
    with ThreadPoolExecutor(1) as pool, running(service) as base, blocked(service.work):
        waiting = pool.submit(httpx.post, f"{base}/predict", json={"texts": TEXTS})
        polled(lambda: service.work.queued)
        with socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])), timeout=30):
            assert [httpx.get(f"{base}/health").status_code for _ in range(2)] == [503, 503]
    assert len(waiting.result().json()["answers"]) == len(TEXTS)


def _says_it_is_alive(connection: socket.socket) -> bool:
    connection.sendall(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
    said = b""
    while not said.endswith(b'"alive"}'):
        if not (more := connection.recv(1000)):
            return False
        said += more
    return b" 200 " in said.splitlines()[0]


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1000)
    except ConnectionResetError:
        return b""


@contextlib.contextmanager
def process(folder, *argv: str, **env: str):
    """Run strata serve in a process of its own; give it and its address."""
    command = [sys.executable, "-m", "strata", "serve", str(folder), "--port", "0", *argv]
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | env, text=True, **pipes) as started:
        try:
            lines = []
            while not (found := re.search(r"http://\S+:\d+", lines[-1] if lines else "")):
                lines.append(started.stderr.readline())
                assert lines[-1], started.wait()
            yield started, found[0], lines
        finally:
            started.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_no_error_and_no_text_is_in_its_log(folder, tmp_path, number):
    own = copied(folder, tmp_path / "films")
    with process(own) as (started, base, lines):
        assert re.match(r"serve: films, version [0-9a-f]{12}: negative, positive\n", lines[0])
        given = httpx.post(f"{base}/predict?secret=1", json={"texts": ["secret lovely film"]})
        assert given.json()["answers"][0]["label"] in ("negative", "positive")
        httpx.get(f"{base}/secret")
        (own / "config.json").write_text(json.dumps(json.loads((own / "config.json").read_text()) | {"threshold": 1.0}))
        manifest.write(own, "1.24")
        started.send_signal(signal.SIGHUP)
        polled(lambda: httpx.get(f"{base}/models").json()["models"][0]["version"] != given.json()["version"])
        started.send_signal(number)
        out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (0, "")
    assert re.search(r"^serve: 200 POST /predict \d+ ms$", err, re.MULTILINE)
    assert re.search(r"^serve: films: version \w+ instead of \w+$", err, re.MULTILINE)
    assert err.endswith("serve: ended, every request answered\n")
    assert "secret" not in err


def test_other_machines_without_a_key_are_warned_of(folder, monkeypatch):
    monkeypatch.delenv("STRATA_API_KEY", raising=False)
    with process(folder, "--host", "0.0.0.0") as (_, _, lines):
        assert lines[1] == (
            "serve: warning: other machines can reach this, and no key is asked for; give one with --key-file\n"
        )
    with process(folder, "--host", "0.0.0.0", STRATA_API_KEY=KEY) as (_, base, lines):
        assert len(lines) == 2
        assert httpx.get(f"{base.replace('0.0.0.0', '127.0.0.1')}/models").status_code == 401
    with listening("localhost", 0) as made:
        assert is_loopback(made)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["gone"], "gone: no such folder; first comes a model folder"),
        (["MODEL", "MODEL"], "MODEL: another model is named quantize; give one of them another name: NAME=FOLDER"),
        (["a b=MODEL"], "a b=MODEL: a model's name has letters, digits and ._- alone; give one: NAME=FOLDER"),
        (["MODEL", "--port", "70000"], "--port is 70000, must be 0 or more, at most 65,535"),
        (["MODEL", "--threads", "0"], "--threads is 0, must be 1 or more"),
        (["MODEL", "--queue", "0"], "--queue is 0, must be 1 or more"),
        (["MODEL", "--host", "256.0.0.1"], "cannot listen at 256.0.0.1, port 8000 ("),
        (["MODEL", "--model", "onnx/other.onnx"], "onnx/other.onnx: no such file"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(folder, tmp_path, monkeypatch, argv, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "MODEL").symlink_to(folder)
    with pytest.raises(StrataError, match=re.escape(sentence)):
        serve.main(argv)


def test_a_port_that_is_taken_is_told(folder):
    with listening("127.0.0.1", 0) as made:
        port = made.getsockname()[1]
        with pytest.raises(StrataError, match=f"cannot listen at 127.0.0.1, port {port} .address already in use."):
            serve.main([str(folder), "--port", str(port)])


def test_a_name_is_told_before_a_folder_or_is_the_folders(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    assert serve.folders(["new=some/where", str(folder)]) == {"new": serve.Path("some/where"), "quantize": folder}
    with pytest.raises(StrataError, match="a=b: a model's name has letters"):
        serve.folders(["a=b"])


def test_a_log_that_nobody_reads_holds_up_nothing(monkeypatch):
    stuck = threading.Event()

    class Terminal:
        def write(self, text):
            stuck.wait()

        def flush(self):
            pass

    monkeypatch.setattr(sys, "stderr", Terminal())
    log = Log()
    for i in range(3000):
        log.say(str(i))
    log.close()
    stuck.set()
    log._thread.join()


def test_libraries_report_in_one_line_without_what_a_client_sent(capsys):
    import logging

    log = Log()
    send_to(log)
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    try:
        raise ValueError("secret")
    except ValueError:
        logging.getLogger("asyncio").exception("Task failed\nfor %s", "secret")
    log.close()
    assert capsys.readouterr().err.splitlines() == [
        "serve: uvicorn.error: Invalid HTTP request received.",
        "serve: asyncio: ValueError",
    ]


def test_units_of_a_request_that_fail_at_once_leave_every_thread_alive():
    work, together = JobQueue(2, Limits()), threading.Barrier(2)

    def fail(_):
        together.wait()
        raise Refused(422, "no text")

    for _ in range(300):
        with pytest.raises(Refused):
            work.submit([fail, fail]).future.result()
    assert work.submit([lambda _: 1, lambda _: 2]).future.result() == [1, 2]
    assert all(thread.is_alive() for thread in work._pool)
    work.close()


def test_a_body_for_the_page_has_a_size_and_a_time():
    async def reads(scope, receive, send):
        message = await receive()
        while message.get("more_body"):
            message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"read"})

    def status(path, parts, length=None):
        """Send the parts of a body, None for one that does not come, and return the status of the answer."""
        headers = [] if length is None else [(b"content-length", str(length).encode())]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        waiting, sent = iter(parts), []

        async def receive():
            part = next(waiting)
            if part is None:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": part, "more_body": True}

        async def send(message):
            sent.append(message)

        layer = PageLimits(reads, Limits(body=10, upload=20, uploading=0.05))
        try:
            asyncio.run(layer(scope, receive, send))
        except HTTPException as refused:
            return refused.status_code
        return sent[0]["status"]

    assert status("/gradio_api/run/predict", [], length=11) == 413
    assert status("/gradio_api/run/predict", [b"123456", b"123456"]) == 413
    assert status("/gradio_api/upload", [b"1" * 12, b"1" * 12]) == 413
    assert status("/gradio_api/run/predict", [b"123456", None]) == 408
