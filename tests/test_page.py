"""The pages in a browser: the server's, the same one in a Space, and the one that runs the model itself."""

import base64
import csv
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import unicodedata
from collections import Counter
from contextlib import contextmanager

import pytest

from strata.base import tables
from strata.base.errors import StrataError
from strata.publishing import carried, demo, space
from strata.runtime import manifest
from strata.runtime.predictor import Predictor
from strata.runtime.preparation import Preparation
from strata.score_table import parse
from strata.text.cleaning import STEPS
from strata.text.windows import CHUNKS, HEAD_TAIL, Window
from tests.conftest import ROOT, write_csv
from tests.pages import AT_LOOPBACK, NEEDS_CHROMIUM, NEEDS_PACKAGES, Visit, files_at_loopback, npm_file, opened_browser
from tests.test_packaging import pins

gradio = pytest.importorskip("gradio", reason="the page's package is not installed: requirements-page.txt")
pytest.importorskip("playwright", reason="what drives a browser is not installed: requirements-dev.txt")

WIDTHS = (1280, 400)
LONG = "good film " * 40  # more tokens than the model reads


@pytest.fixture(scope="module")
def browser():
    with opened_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def portable(trained, tmp_path_factory):
    """A model of 7-bit weights. On a CPU without VNNI, products of 8-bit weights overflow; in a browser they do not."""
    made = trained.copied(tmp_path_factory.mktemp("portable") / "project")
    made.params(quantize={"candidates": ["reduce_range"]})
    made.run("quantize", "report")
    return made


@pytest.fixture(scope="module")
def folder(portable, tmp_path_factory):
    """The model with its card, as it is published."""
    copy = tmp_path_factory.mktemp("page") / "films"
    shutil.copytree(portable.root / "models/quantize", copy)
    shutil.copy(portable.root / "model_card.md", copy / "README.md")
    return copy


@pytest.fixture(scope="module")
def rows(portable):
    return tables.read(portable.root / "data/split/test.parquet").sort_values("id")


def changed(folder, place, **config):
    """A copy of a model folder with another config.json."""
    copy = place / "changed"
    shutil.copytree(folder, copy)
    (copy / "README.md").unlink()
    content = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(content | config))
    manifest.write(copy, "1.24")
    return copy


@contextmanager
def served(folders, **limits):
    """The server, with its page, on a free port of loopback."""
    import uvicorn

    from strata.serving.app import create_app
    from strata.serving.limits import Limits
    from strata.serving.models import Models
    from strata.serving.service import Service

    service = Service(Models(folders), 1, Limits(**limits))
    server = uvicorn.Server(uvicorn.Config(create_app(service), log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()
            service.work.close()


@pytest.fixture(scope="module")
def address(folder):
    with served({"films": folder}) as address:
        yield address


@pytest.fixture(scope="module")
def space_folder(portable, tmp_path_factory):
    """The files of a Space, alone in a folder."""
    place = tmp_path_factory.mktemp("space")
    written(
        place, space.contents("gradio", portable.root / "models/quantize", portable.root / "model_card.md", "o/films")
    )
    return place


def at_loopback(page):
    """A page whose scripts come from npm's packages on loopback instead of a CDN; their hashes are still compared."""
    return page.replace(demo.CDN, AT_LOOPBACK)


def written(place, files):
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content if isinstance(content, bytes) else content.read_bytes())


def alone(place, **variables):
    """The environment of a process that knows nothing of this project."""
    known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**known, "GRADIO_TEMP_DIR": str(place / "uploads"), **variables}


@pytest.fixture(scope="module")
def space_address(space_folder):
    """The Space's app.py, as the Hub runs it."""
    for _ in range(3):  # until it starts, another process may take the port that was free
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=space_folder, env=alone(space_folder, GRADIO_SERVER_PORT=str(port))
        )
        if listens(process, port):
            break
    try:
        assert process.poll() is None, "app.py has ended"
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


def listens(process, port):
    """Whether a process listens on a port at last, and has not ended before."""
    while process.poll() is None:
        with socket.socket() as asked:
            asked.settimeout(0.1)
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return True
        threading.Event().wait(0.1)
    return False


def classified(page, text, number=1):
    """Type a text into the server's page, press, and read: what it says, and each label's probability."""
    page.locator(f"#text-{number} textarea").fill(text)
    page.locator(f"#go-{number}").click()
    shown = page.locator(f"#answer-{number} .strata-answer", has=page.get_by_text(" ".join(text.split()), exact=True))
    shown.wait_for()
    bars = shown.locator(".strata-bars li")
    labels = bars.locator("> span").all_inner_texts()
    values = [float(value) for value in bars.locator("data").evaluate_all("all => all.map((one) => one.value)")]
    return shown.locator(".strata-verdict strong").inner_text(), dict(zip(labels, values, strict=True))


def in_browser(page, text):
    """The same for the page that runs the model itself."""
    page.locator("#text").fill(text)
    page.locator("#go").click()
    page.wait_for_function("() => !document.getElementById('go').disabled")
    assert page.locator("#status").inner_text() == ""
    labels = page.locator("#bars li > span").all_inner_texts()
    values = page.locator("#bars data").evaluate_all("all => all.map((one) => Number(one.value))")
    return page.locator("#label").inner_text(), dict(zip(labels, values, strict=True))


def check_answers(ask, folder, rows, portable, exactness):
    """Every test row gets the predictor's label and probabilities, and together they have the recorded accuracy."""
    predictor = Predictor(folder)
    right = 0
    for text, label in zip(rows["text"], rows["label"], strict=True):
        (answer,) = predictor([text])
        (expected,) = predictor.probabilities([text])
        said, probabilities = ask(text)
        assert said == answer["label"]
        assert [probabilities[name] for name in predictor.labels] == pytest.approx(expected, abs=exactness)
        right += said == predictor.labels[label]
    int8 = parse((portable.root / "plots/quantize/scores.csv").read_text())["int8", "test"]
    assert right / len(rows) == pytest.approx(int8["accuracy"])


@NEEDS_CHROMIUM
@pytest.mark.slow
@pytest.mark.parametrize("where", ["address", "space_address"])
def test_the_page_and_the_space_answer_as_the_predictor(request, browser, folder, rows, portable, where):
    with Visit(browser, request.getfixturevalue(where)) as visit:
        check_answers(lambda text: classified(visit.page, text), folder, rows, portable, 1e-6)


@NEEDS_CHROMIUM
@pytest.mark.parametrize("width", WIDTHS)
def test_two_texts_stand_side_by_side_with_the_words_that_decided(browser, address, width):
    with Visit(browser, address, width) as visit:
        page = visit.page
        assert classified(page, "a good warm film")[0] == "positive"
        assert page.locator("#answer-1 mark.for").all_inner_texts()
        page.get_by_label("Compare with a second text").check()
        assert classified(page, "a dull and awful film", 2)[0] == "negative"
        first, second = (page.locator(f"#answer-{number}").bounding_box() for number in (1, 2))
        assert (second["x"] > first["x"]) == (width > 1000), "below each other on a telephone"
        assert visit.fits()


@NEEDS_CHROMIUM
def test_shift_enter_classifies_as_the_placeholder_says(browser, address):
    with Visit(browser, address) as visit:
        box = visit.page.get_by_placeholder("Press Shift+Enter to classify").first
        box.fill("a good warm film")
        box.press("Shift+Enter")
        visit.page.locator("#answer-1 .strata-answer").wait_for()


@NEEDS_CHROMIUM
def test_a_text_is_shown_as_it_is_and_never_as_html(browser, address):
    hostile = "<img src=x onerror=alert(1)> ${1+1} {{value}} <script>alert(2)</script> good"
    with Visit(browser, address) as visit:
        classified(visit.page, hostile)
        assert visit.page.locator("#answer-1 :is(img, script)").count() == 0


@NEEDS_CHROMIUM
def test_a_text_longer_than_the_model_reads_says_where_it_stops(browser, address):
    with Visit(browser, address) as visit:
        classified(visit.page, LONG)
        assert visit.page.locator(".strata-unread").inner_text().split()[:2] == ["good", "film"]
        assert "does not read the grey part" in visit.page.locator("#answer-1 .strata-note").last.inner_text()


@NEEDS_CHROMIUM
@pytest.mark.parametrize("width", WIDTHS)
def test_an_uploaded_file_comes_back_labelled(browser, address, folder, rows, tmp_path, width):
    texts = rows["text"].tolist()
    source = [(i, text, "mine") for i, text in enumerate(texts)]
    write_csv(tmp_path / "new.csv", [*source, (99, " ", "mine")], ("id", "words said", "label"))
    with Visit(browser, address, width) as visit:
        page = visit.page
        page.locator("#file input[type=file]").set_input_files(tmp_path / "new.csv")
        page.get_by_text("25 rows").wait_for()
        assert "taken from words said" in page.locator("#about").inner_text()
        page.locator("#label-rows").click()
        page.locator("#said .strata-bars").wait_for()
        assert visit.fits()
        with page.expect_download() as download:
            page.locator("#download").click()
        download.value.save_as(tmp_path / "back.csv")
        assert download.value.suggested_filename == "new-labelled.csv"
    with (tmp_path / "back.csv").open(newline="") as file:
        header, *labelled = csv.reader(file)
    assert header == ["id", "words said", "label", "predicted_label", "probability"]
    assert [row[:3] for row in labelled[:-1]] == [[str(i), text, mine] for i, text, mine in source]
    answers = Predictor(folder)(texts)
    assert [row[3] for row in labelled[:-1]] == [answer["label"] for answer in answers]
    expected = [answer["probability"] for answer in answers]
    assert [float(row[4]) for row in labelled[:-1]] == pytest.approx(expected, abs=1e-6)
    assert labelled[-1][3:] == ["", ""], "a row without a text"


@NEEDS_CHROMIUM
def test_what_cannot_be_done_is_a_sentence_on_the_page(browser, address, folder, tmp_path):
    (tmp_path / "empty.csv").write_text("text,label\n")
    with Visit(browser, address) as visit:
        page = visit.page
        page.locator("#go-1").click()
        page.get_by_text("Type a text first.").wait_for()
        page.locator("#file input[type=file]").set_input_files(tmp_path / "empty.csv")
        page.get_by_text("empty.csv: no row in it").wait_for()
        assert page.locator("#label-rows").is_hidden()
    with served({"films": folder}, queue=0) as full, Visit(browser, full) as visit:
        visit.page.locator("#text-1 textarea").fill("good")
        visit.page.locator("#go-1").click()
        visit.page.get_by_text("The queue is full; try again later.").wait_for()


@NEEDS_CHROMIUM
@pytest.mark.parametrize("width", WIDTHS)
def test_the_card_is_on_the_second_tab(browser, address, width):
    with Visit(browser, address, width) as visit:
        visit.page.get_by_role("tab", name="Model card").click()
        visit.page.get_by_role("heading", name="Intended use").wait_for()
        assert visit.page.get_by_text("model-index").count() == 0, "what is for the Hub alone"
        assert visit.fits()


@NEEDS_CHROMIUM
def test_a_model_that_may_abstain_says_not_sure_with_the_two_likeliest(browser, folder, tmp_path):
    unsure = changed(folder, tmp_path, abstain_below=1.0)
    with served({"films": folder, "unsure": unsure}) as address, Visit(browser, address) as visit:
        visit.page.get_by_label("Model", exact=True).click()
        visit.page.get_by_role("option", name="unsure").click()
        assert classified(visit.page, "a good film")[0] == "Not sure"
        verdict = visit.page.locator(".strata-verdict").inner_text()
        assert "positive (" in verdict
        assert "negative (" in verdict
        visit.page.get_by_role("tab", name="Model card").click()
        visit.page.get_by_text("This model folder has no card").wait_for()


@pytest.mark.slow
def test_a_space_holds_every_module_that_it_imports(space_folder):
    code = (
        "import sys, pathlib, strata.serving.space_page, strata.reading.delimited; here = pathlib.Path.cwd(); "
        "ours = [m.__file__ for n, m in sys.modules.items() if n.partition('.')[0] in ('strata', 'stages')]; "
        "assert all(pathlib.Path(file).is_relative_to(here) for file in ours), ours"
    )
    subprocess.run([sys.executable, "-c", code], cwd=space_folder, env=alone(space_folder), check=True)


def test_a_space_pins_what_the_extras_install():
    wanted = {
        name: version
        for part in ("base", "serve", "page")
        for name, version in pins(f"requirements-{part}.txt").items()
    }
    needed = carried.requirements(carried.carried(space.STARTS).values())
    del needed["starlette"]  # FastAPI's
    assert needed.items() <= wanted.items()


@pytest.fixture(scope="module")
def static(folder, tmp_path_factory):
    """The files of a static Space, at the address of a web server."""
    place = tmp_path_factory.mktemp("static")
    written(place, space.contents("static", folder, folder / "README.md", "o/films"))
    (place / demo.NAME).write_text(at_loopback((place / demo.NAME).read_text()))
    with files_at_loopback(place) as address:
        yield address


@contextmanager
def started(browser, address, width=1280):
    """The page that runs the model, once it has loaded it, or says why it cannot."""
    with Visit(browser, address, width) as visit:
        visit.page.wait_for_function(
            "() => !document.getElementById('go').disabled || document.querySelector('#status.error')"
        )
        yield visit


@NEEDS_CHROMIUM
@NEEDS_PACKAGES
def test_the_model_in_the_browser_answers_as_the_predictor(browser, static, folder, rows, portable):
    with started(browser, static, 400) as visit:
        check_answers(lambda text: in_browser(visit.page, text), folder, rows, portable, 1e-3)
        for text in (LONG, "  Good\u00a0 \u0130 film, isn't it?", "🎬 日本語"):
            (expected,) = Predictor(folder).probabilities([text])
            assert in_browser(visit.page, text)[1]["positive"] == pytest.approx(expected[1], abs=1e-3), text
        assert visit.fits()
        asked = Counter(address.partition(AT_LOOPBACK)[2] for address in visit.asked)
        assert {name for name in asked if name} == demo.INTEGRITY.keys()


@NEEDS_CHROMIUM
@NEEDS_PACKAGES
@pytest.mark.parametrize("kind", [HEAD_TAIL, CHUNKS])
def test_the_model_in_the_browser_reads_of_a_long_text_what_the_predictor_reads(browser, folder, tmp_path, kind):
    copy = changed(folder, tmp_path, window=Window(16, kind, 4, 3)._asdict())
    (copy / demo.NAME).write_text(at_loopback(demo.page("films")))
    texts = [f"{'a dull film ' * times}and a lovely plot" for times in (1, 4, 9, 20)]
    with files_at_loopback(copy) as address, started(browser, address) as visit:
        for text, row in zip(texts, Predictor(copy).probabilities(texts), strict=True):
            assert in_browser(visit.page, text)[1]["positive"] == pytest.approx(row[1], abs=1e-3), text
        assert "first 16 tokens" not in visit.page.locator("#limits").inner_text()


@NEEDS_CHROMIUM
@NEEDS_PACKAGES
@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"abstain_below": 1.0}, "Not sure"),
        ({"threshold": 0.0}, "positive"),
        ({"threshold": 1.0, "positive": "negative"}, "positive"),
        ({"threshold": {"negative": 1.0, "positive": 1e-6}}, "positive"),
    ],
)
def test_the_model_in_the_browser_decides_as_its_config_says(browser, folder, tmp_path, config, said):
    copy = changed(folder, tmp_path, **config)
    (copy / demo.NAME).write_text(at_loopback(demo.page("films")))
    (answer,) = Predictor(copy)(["a dull film"])
    with files_at_loopback(copy) as address, started(browser, address) as visit:
        assert in_browser(visit.page, "a dull film")[0] == said == (answer["label"] or "Not sure")


@NEEDS_CHROMIUM
@NEEDS_PACKAGES
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json cannot be loaded (404)"),
        (lambda folder: (folder / "preparation.json").write_text('{"clean": ["stem"]}'), "no step stem"),
    ],
)
def test_a_page_that_cannot_start_says_why(browser, folder, tmp_path, change, sentence):
    copy = changed(folder, tmp_path)
    (copy / demo.NAME).write_text(at_loopback(demo.page("films")))
    change(copy)
    with files_at_loopback(copy) as address, started(browser, address) as visit:
        assert sentence in visit.page.locator("#status").inner_text()
        assert visit.page.locator("#go").is_disabled()


MARKUP = [
    "<b>",
    "</b>",
    "<br/>",
    "<p>",
    "</p>",
    "<script>",
    "</script>",
    "<style>a{}</style>",
    "&amp;",
    "&lt;",
    "&nbsp;",
]
MARKUP += ["&bogus;", "<3", "x<y", "<me@mail>", " ", "  ", "\n", "\t", "\r\n", "word", "<!-- c -->", "<td>", "<table>"]
MARKUP += ["<title>", "</title>", "<select>", "<option>", "<template>", "</template>", "<svg>", "<a href='x'>", "<img>"]


@NEEDS_CHROMIUM
@pytest.mark.parametrize("step", STEPS)
def test_a_text_is_cleaned_in_the_browser_as_in_python(browser, step):
    choose = random.Random(0)
    characters = [chr(i) for i in (*range(0x3100), *choose.sample(range(0x3100, 0x30000), 3000))]
    known = [character for character in characters if unicodedata.category(character) not in ("Cn", "Cs", "Co")]
    texts = [f"a{character}b{character}'c" for character in known if step != "html"]
    texts += ["".join(choose.choices(MARKUP, k=choose.randint(1, 8))) for _ in range(2000)]
    texts += ["<div>" * 1500 + "deep" + "</div>" * 1500, "", " <br>lead", "don't stop, now!", "ΟΔΟΣ", "ﬁn"]
    script = demo.page("films").partition("// The cleaning steps")[2].partition("// The model beside")[0]
    page = browser.new_page()
    page.evaluate("code => { (0, eval)(code.slice(code.indexOf('\\n')) + '; globalThis.steps = STEPS;') }", script)
    cleaned = page.evaluate("([step, texts]) => texts.map((text) => steps[step](text))", [step, texts])
    page.close()
    different = [(text, there) for text, there in zip(texts, cleaned, strict=True) if STEPS[step](text) != there]
    assert different == []


@NEEDS_PACKAGES
def test_the_scripts_are_those_of_the_packages_that_are_tested():
    for name, integrity in demo.INTEGRITY.items():
        digest = hashlib.sha384(npm_file(demo.CDN + name).read_bytes()).digest()
        assert integrity == f"sha384-{base64.b64encode(digest).decode()}"
    lock = json.loads((ROOT / "tests/node/package-lock.json").read_text())["packages"]
    for package in (demo.TRANSFORMERS_JS, demo.ONNX_RUNTIME):
        name, _, version = package.rpartition("@")
        assert lock[f"node_modules/{name}"]["version"] == version


def test_the_name_of_a_page_is_escaped():
    page = demo.page("</title><script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "</title><script>" not in page.partition("importmap")[0].replace("</title>\n<style>", "")


TRAINED = Preparation(("title", "body"), (), [("director", None)])


def test_a_file_with_the_models_own_columns_is_read_as_its_rows_were(tmp_path):
    from strata.serving.uploaded import read

    write_csv(tmp_path / "own.csv", [("a", "b c", "K"), ("d", "e f", "")], ("title", "body", "director"))
    upload = read(tmp_path / "own.csv", TRAINED)
    assert (upload.text, upload.is_guess) == ("title + body", False)
    assert list(upload.choices) == ["title + body", "title", "body", "director"]
    assert upload.texts("title + body", TRAINED)[0] == {"title": "a", "body": "b c", "director": "K"}
    assert upload.texts("body", TRAINED)[0] == {"title": "b c", "body": "", "director": "K"}


def test_a_file_of_one_column_is_texts(tmp_path):
    from strata.serving.uploaded import read

    (tmp_path / "one.csv").write_text('text\n"well, good"\nplain\ntwo, cells\n', encoding="utf-8")
    upload = read(tmp_path / "one.csv", Preparation())
    assert upload.table.to_pydict() == {"text": ["well, good", "plain"]}
    assert upload.said == [
        "1 of its rows cannot be read and are left out, the first in line 4: 2 cells in a file of one column; a text "
        "with commas stands in quotes"
    ]


def test_other_encodings_and_separators_are_read(tmp_path):
    from strata.serving.uploaded import read

    (tmp_path / "old.csv").write_bytes("nr;rezension\n1;zum Teil schön und gut\n2;eher öde und lang\n".encode("cp1252"))
    upload = read(tmp_path / "old.csv", Preparation())
    assert upload.text == "rezension"
    assert upload.is_guess
    assert upload.texts("rezension", Preparation())[1] == {"text": "eher öde und lang"}
    assert any("cp1252" in sentence for sentence in upload.said)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("many.csv", "text,n\n" + "a good film,1\n" * 10_001, r"more than 10,000 rows; strata predict FOLDER FILE"),
        ("many1.csv", "text\n" + "good\n" * 10_001, r"more than 10,000 rows"),
        ("table.xlsx", "", r"cannot be read here; upload .csv or .tsv"),
        ("empty.csv", "", r"no readable line in it"),
        ("header.csv", "text,label\n", r"no row in it; below the names"),
        ("bytes.csv", "text,n\nsch\udcf6\udcdfn,1\n", r"no row can be read, the first in line 2: invalid bytes; save"),
    ],
)
def test_a_file_that_cannot_be_labelled_is_one_sentence(tmp_path, name, content, sentence):
    from strata.serving.uploaded import read

    (tmp_path / name).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(StrataError, match=sentence):
        read(tmp_path / name, Preparation())


def test_a_small_file_with_no_sign_of_texts_offers_its_columns(tmp_path):
    from strata.serving.uploaded import read

    write_csv(tmp_path / "few.csv", [("1", "7")], ("n", "m"))
    upload = read(tmp_path / "few.csv", Preparation())
    assert (upload.text, upload.is_guess, list(upload.choices)) == ("n", True, ["n", "m"])


def test_a_file_that_was_given_back_is_removed_later(monkeypatch):
    from strata.serving import page_files

    given = page_files.Results()
    first = given.path("a.csv")
    first.touch()
    second = given.path("a.csv")
    assert first.exists()
    assert first != second
    monkeypatch.setattr(page_files, "COPIED", -1)
    given.path("a.csv")
    assert not first.exists()
