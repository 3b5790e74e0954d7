"""The page and the Markdown for an outsider."""

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from stages.report.content import number, share
from stages.report.results import METRICS, PLOTS
from strata.runtime.predictor import Predictor
from tests.conftest import DVC

HOSTILE = '<script>alert("x")</script> | [a](http://x.example) <img src=//x.example> ![b](c) `d` \u202e {{ 7*7 }} &amp;'


class Page(HTMLParser):
    """The tags, attributes, words and ids of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def page(trained) -> Page:
    return Page((trained.root / "report.html").read_text(encoding="utf-8"))


def test_the_page_needs_no_other_file(page):
    assert "script" not in page.tags
    for _, name, value in page.attributes:
        if name in ("src", "href", "xlink:href", "action", "data", "srcset"):
            assert value.startswith("#"), (name, value)
    assert "url(http" not in "".join(page.words)
    assert page.tags.count("svg") >= 6


def test_ids_are_unique_and_every_link_leads_somewhere(page):
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = [value[1:] for _, name, value in page.attributes if name in ("href", "xlink:href")]
    assert links
    assert set(links) <= set(ids)


def test_every_picture_says_in_words_what_it_shows(page):
    named = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(named) == page.tags.count("svg")
    assert all(named)


def test_the_figures_are_those_of_the_metrics(trained):
    html = " ".join(Page((trained.root / "report.html").read_text(encoding="utf-8")).words)
    markdown = (trained.root / "report.md").read_text(encoding="utf-8")
    metrics = {stage: json.loads((trained.root / f"metrics/{stage}.json").read_text()) for stage in METRICS}
    test = metrics["evaluate"]
    for written in (html, markdown.replace("\\", "")):
        assert share(test["accuracy"]) in written
        assert f"{test['rows']} unseen texts" in written
        assert test["against"]["tfidf"]["words"] in written
        for scored in (test, test["untuned"], metrics["quantize"], metrics["baseline"]["tfidf"]):
            for name in ("accuracy", "mcc", "log_loss"):
                ends = scored["interval"][name]
                assert number(scored[name]) in written
                assert ends is None or f"{number(ends['low'])} to {number(ends['high'])}" in written


def test_the_markdown_links_to_the_pictures_that_are_there(trained):
    linked = re.findall(r"\]\((plots/report/[^)]*)\)", (trained.root / "report.md").read_text(encoding="utf-8"))
    there = {f"plots/report/{path.name}" for path in (trained.root / "plots/report").iterdir()}
    assert set(linked) == there


def test_it_repeats_byte_for_byte(copy_of_trained):
    project = copy_of_trained
    names = ["report.html", "report.md", *(f"plots/report/{p.name}" for p in (project.root / "plots/report").iterdir())]
    before = {name: (project.root / name).read_bytes() for name in names}
    for name in names:
        (project.root / name).unlink()
    project.run("report")
    assert {name: (project.root / name).read_bytes() for name in names} == before


def test_what_the_data_say_is_shown_and_does_nothing(copy_of_trained):
    """Texts and names of labels come from anywhere."""
    project = copy_of_trained
    labels = project.root / "data/standardize/labels.json"
    told = json.loads(labels.read_text())
    hostile = '<b onclick="x()">$y_1$</b>'
    everything = [labels, *(project.root / "metrics").glob("*.json"), *(project.root / "plots").glob("*/*.csv")]
    for path in [*everything, *(project.root / "data/evaluate").glob("*.csv")]:
        quoted = json.dumps(hostile)[1:-1] if path.suffix == ".json" else f'"{hostile.replace(chr(34), chr(34) * 2)}"'
        path.write_text(re.sub(r"\bpositive\b", lambda _, new=quoted: new, path.read_text()))
    labels.write_text(json.dumps(told | {"labels": ["negative", hostile], "positive": hostile}))
    errors = pd.read_csv(project.root / "data/evaluate/errors.csv").head(1)
    errors = errors if len(errors) else pd.DataFrame([dict.fromkeys(errors.columns, "0")])
    errors["text"] = HOSTILE
    errors.to_csv(project.root / "data/evaluate/errors.csv", index=False)
    project.run("report")
    page = Page((project.root / "report.html").read_text(encoding="utf-8"))
    assert not {"script", "img", "b"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert any(HOSTILE.replace("\u202e ", "") in words for words in page.words)
    assert any(hostile in words for words in page.words)
    markdown = (project.root / "report.md").read_text(encoding="utf-8")
    assert "<script" not in markdown
    assert "<b" not in markdown
    assert not re.search(r"(?<!\\)\]\(http", markdown)
    row = next(line for line in markdown.splitlines() if "alert" in line)
    cells = re.findall(r"(?<!\\)\|", row)
    assert len(cells) == 7, "a bar in a text opens no cell"


def test_what_is_missing_is_left_out_and_named(copy_of_trained, capsys):
    project = copy_of_trained
    shutil.rmtree(project.root / "plots/evaluate")
    (project.root / "data/evaluate/slices.csv").unlink()
    project.run("report")
    assert "report: left out, for want of data/evaluate/slices.csv" in capsys.readouterr().out
    assert not (project.root / "plots/report/confusion.svg").exists()
    assert (project.root / "plots/report/training.svg").exists()


def test_it_depends_on_every_file_that_it_reads():
    deps = set(DVC["stages"]["report"]["deps"])
    assert {path for path in deps if path.startswith("plots/")} == {f"plots/{name.split('/')[0]}" for name in PLOTS}
    assert {"data/evaluate", "data/standardize/labels.json", "metrics", "stages/report"} <= deps


def test_the_card_says_what_a_user_of_the_model_needs_and_quotes_no_text(trained):
    card = (trained.root / "model_card.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert headings == [
        "The answer",
        "What it is for",
        "How to load it",
        "What was trained on what",
        "The models compared",
        "Can the probabilities be believed?",
        "Where it fails",
        "How it breaks",
        "The small version",
        "Limits, risks and costs",
    ]
    metrics = {name: json.loads((trained.root / f"metrics/{name}.json").read_text()) for name in METRICS}
    small, split = metrics["quantize"], metrics["split"]
    ends = small["interval"]["accuracy"]
    for figure in (
        f"{number(small['accuracy'])} ({number(ends['low'])} to {number(ends['high'])})",
        f"{small['size_mb']} MB of {small['fp32_size_mb']} MB",
        f"{split['copies']['rows_in_clusters']} texts are a copy or near-copy",
        f"The temperature is {number(metrics['evaluate']['calibration']['temperature'])}",
        f"| {small['candidate'].replace('_', ' ')} |",
        "The first 16 tokens".lower(),
    ):
        assert figure in card, figure
    texts = pd.read_parquet(trained.root / "data/split/test.parquet")["text"]
    assert not [text for text in texts if text in card]


def test_the_cards_lines_for_onnx_runtime_give_the_predictors_logits(trained, monkeypatch, capsys):
    card = (trained.root / "model_card.md").read_text(encoding="utf-8")
    code = next(block for block in re.findall(r"```\n(.*?)```", card, re.DOTALL) if block.startswith("import onnx"))
    assert len(code.splitlines()) == 3
    monkeypatch.chdir(trained.root / "models/quantize")
    exec(compile(code, "card", "exec"), {})
    printed = [float(word) for word in re.findall(r"-?\d+\.\d+", capsys.readouterr().out)]
    shares = Predictor(".").probabilities(["a text"])[0]
    assert printed[1] - printed[0] == pytest.approx(np.log(shares[1] / shares[0]), abs=1e-4)
