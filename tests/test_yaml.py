"""The reader of params.yaml and recipes: what it reads as DVC does, and what it refuses of a file that is hostile."""

import datetime
import io
import math

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from strata.base.errors import StrataError
from strata.settings.yaml_loader import MOST_BYTES, MOST_DEPTH, parse_yaml, read_yaml

DVC = YAML(typ="safe")  # how dvc.utils.serialize reads
SPELLINGS = (
    *("3e-05", "3e-5", "1e3", "1E+3", "1.e3", "1.5", ".5", "-.5", "+.5", ".5e+3", ".5e3", "1.", "0.10", "1_0.0_1"),
    *("0", "-0", "+1", "12", "012", "0o7", "-0o7", "0x1F", "0xff_ff", "0b101", "1_000", "1__0", "9" * 90),
    *("~", "null", "Null", "NULL", "nil", "none", "true", "True", "TRUE", "tRUE", "false", "False"),
    *("yes", "no", "on", "off", "y", "n", "Yes", "NO", ".inf", "-.inf", "+.INF", ".nan", ".NaN", "inf", "nan", "+.nan"),
    *("2024-01-01", "12:30:00", "1:30", "190:20:30", "1_", "a_1", "e3", "1e", "1e+", "0o8", "0xG", "--1"),
    *("a:b", "https://a.b/c#d", "a#b", "'no'", '"3e-05"', "' '", "[1, no]", "{a: 1}", "[a, {b: [~]}]", "é"),
)


def read(path, text: str | bytes):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


def as_written(value):
    """What DVC reads, with dates as strings and NaN equal to itself."""
    if isinstance(value, datetime.date):
        return str, value.isoformat()
    if isinstance(value, dict):
        return {as_written(key): as_written(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_written(part) for part in value]
    return (type(value), "nan" if isinstance(value, float) and math.isnan(value) else value)


def reads_alike(text: str) -> bool:
    return as_written(parse_yaml(text)) == as_written(DVC.load(text))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "place", ["lr: {} # a comment\n", "train:\n  lr: {}\n", "- {}\n- 1\n", "labels: {{a: {}, b: 1}}\n", "[{}, 1]\n"]
)
def test_a_value_is_read_as_dvc_reads_it(spelling, place):
    assert reads_alike(place.format(spelling))


@pytest.mark.parametrize("spelling", ["3e-05", "no", "1_000", "012", "0x1F", ".5", "1e3", "true", "12:30:00", "a b"])
def test_a_key_is_read_as_dvc_reads_it(spelling):
    assert reads_alike(f"labels:\n  {spelling}: 1\n  other: 2\n")
    assert reads_alike(f"labels: {{{spelling}: 1, other: 2}}\n")


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**60), 10**60),
    st.floats(),
    st.sampled_from(SPELLINGS),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), max_size=8),
)
values = st.recursive(
    scalars, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text("abc01. ", max_size=3), part, max_size=3)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws examples slowly
@given(st.dictionaries(st.sampled_from(["train", "labels", "keep", "no", "1", "3e-05"]), values, min_size=1))
def test_what_dvc_writes_is_read_as_dvc_reads_it(content):
    """`dvc exp run -S` rewrites params.yaml by the parser that DVC reads with."""
    written = io.StringIO()
    dumper = YAML()
    dumper.default_flow_style = False
    dumper.dump(content, written)
    assert reads_alike(written.getvalue())


@given(st.text("-+0123456789abeox._:~'\" ", max_size=8))
def test_any_spelling_is_read_as_dvc_reads_it_or_refused(spelling):
    text = f"- {spelling}\n- 1\n"
    try:
        wanted = DVC.load(text)
    except Exception:  # its reader raises errors of many kinds
        return
    try:
        assert as_written(parse_yaml(text)) == as_written(wanted) or isinstance(wanted[0], datetime.date)
    except yaml.YAMLError:
        assert ":" in spelling or "_" in spelling  # an empty key, or nothing but underscores


def test_nothing_is_null():
    assert reads_alike("a:\nb: # nothing\nc: {d: , e}\n")


def test_a_date_stays_what_is_written(tmp_path):
    assert read(tmp_path / "a.yaml", "labels: {a: 2024-01-01, b: 2024-01-01 10:00:00}") == {
        "labels": {"a": "2024-01-01", "b": "2024-01-01 10:00:00"}
    }


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("", None),
        ("# nothing\n", None),
        ("\ufeffseed: 42\n", {"seed": 42}),
        ("%YAML 1.2\n---\na: no\n", {"a": "no"}),
        ("a: &x [1, 2]\nb: *x\n", {"a": [1, 2], "b": [1, 2]}),
        ('"<<": 1\n', {"<<": 1}),
        ("a: !!str 3\nb: !!int '7'\n", {"a": "3", "b": 7}),
        ("a: 'x\n\n  y'\nb: |\n  z\n", {"a": "x\ny", "b": "z\n"}),
    ],
)
def test_what_is_valid_is_read(tmp_path, text, content):
    assert read(tmp_path / "a.yaml", text) == content


LAUGHS = "\n".join(["a0: &a0 [1, 1]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 19)])
CHAIN = "\n".join(["a0: &a0 [1]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 5000)])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed: 42\nseed: 43\n", r"line 2: not valid YAML: the key 'seed' is given twice"),
        ("a: {b: 1, b: 2}\n", r"the key 'b' is given twice"),
        ("a: 1\n---\nb: 2\n", r"line 2: not valid YAML: expected a single document .*another document"),
        ("seed: [42\n", r"line 2: not valid YAML: while parsing a flow sequence"),
        ("a: *b\n", r"line 1: not valid YAML: found undefined alias 'b'"),
        ("a: &a [*a]\n", r"an alias refers to what it is part of"),
        ("a: &a {b: {c: *a}}\n", r"an alias refers to what it is part of"),
        ("? &a [*a]\n: 1\n", r"an alias refers to what it is part of"),
        (LAUGHS, r"its aliases write out to more than 100,000 values"),
        (CHAIN, r"to more than 20 lists and mappings in each other"),
        ("[" * (MOST_DEPTH + 1), r"line 1: not valid YAML: more than 20 lists and mappings in each other"),
        ("[" * 900_000, r"more than 20 lists"),
        ("{a: " * 200_000, r"more than 20 lists"),
        ("- " * 400_000, r"more than 20 lists"),
        ("? " * 400_000, r"more than 20 lists"),
        (
            "base: &b {a: 1}\nc:\n  <<: *b\n",
            r"line 3: not valid YAML: a merge key, <<, is not read; write its keys out",
        ),
        ("? [a]\n: 1\n", r"a key is a list or a mapping; write a string"),
        ("a: !!python/object/apply:os.system [ls]\n", r"line 1: not valid YAML: could not determine a constructor"),
        ("a: !!python/name:os.system\n", r"could not determine a constructor"),
        ("a: !!binary aGk=\n", r"could not determine a constructor"),
        ("a: !!set {b}\n", r"could not determine a constructor"),
        ("a: !mine 1\n", r"could not determine a constructor for the tag '!mine'"),
        ("a: !!int seven\n", r"'seven' has the tag !!int, but is not one"),
        ("a: !!bool maybe\n", r"'maybe' has the tag !!bool, but is not one"),
        ("a: !!null b\n", r"'b' has the tag !!null, but is not one"),
        ("a: !!float b\n", r"'b' has the tag !!float, but is not one"),
        ("a: !!map [1]\n", r"the tag !!map on something that is no mapping"),
        ("a: !!seq {b: 1}\n", r"expected a sequence node"),
        ("a: !!str [1]\n", r"expected a scalar node"),
        ("a: !!int [1]\n", r"expected a scalar node"),
        ("a: -_\n", r"line 1: not valid YAML: '-_' looks like a number, but is not one; quote it"),
        ("a: " + "9" * 5000 + "\n", r"a number of more than 100 digits; as a string, quote it"),
        ("a: 0x" + "f" * 500_000 + "\n", r"a number of more than 100 digits"),
        ("a: 1\nb: \0\n", r"line 2: not valid YAML: the control character 0x00; remove it"),
        ("a: 1\nb: '\x1b'\n", r"line 2: not valid YAML: the control character 0x1b"),
        ("a: 1\nb: 'c\u2028d'\n", r'line 2: not valid YAML: the character \\u2028; write it so, in "double quotes"'),
        ("%YAML 1.1\n---\na: no\n", r"line 1: not valid YAML: a %YAML directive of another version than 1.2"),
        ("\ta: 1\n", r"line 1: not valid YAML: .*'\\t' that cannot start any token"),
        (b"a: 1\nb: caf\xe9\n", r"line 2: not UTF-8 \(.*\); save it as UTF-8"),
        (b"\xff\xfea\0:\0 \x001\0", r"line 1: not UTF-8"),
        ("a: 1 # " + "x" * MOST_BYTES, r"larger than 1,000,000 bytes"),
    ],
)
def test_what_is_hostile_or_broken_is_refused_in_one_line(tmp_path, text, sentence):
    with pytest.raises(StrataError, match=rf"^\S*/a.yaml(, |: ).*{sentence}|^\S*/a.yaml, {sentence}") as raised:
        read(tmp_path / "a.yaml", text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_what_is_no_file_is_told(tmp_path):
    with pytest.raises(StrataError, match=r"gone.yaml: no such file; run this in the project's folder"):
        read_yaml(tmp_path / "gone.yaml")
    with pytest.raises(StrataError, match=r": not a file"):
        read_yaml(tmp_path)


def test_no_other_loader_of_pyyaml_is_changed_nor_changes_this_one():
    before = parse_yaml("[no, 3e-05, 2024-01-01]")
    yaml.SafeLoader.add_multi_constructor("!danger", lambda *_: "built")
    try:
        with pytest.raises(yaml.YAMLError):
            parse_yaml("!danger:x 1")
    finally:
        del yaml.SafeLoader.yaml_multi_constructors["!danger"]
    assert before == ["no", 3e-05, "2024-01-01"]
    assert yaml.safe_load("no") is False
