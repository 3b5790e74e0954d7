"""Which values of a column make one label, and what each label is called."""

import html
import itertools
import math
import re
from collections import Counter
from decimal import Decimal

from strata.base.canonical import canonical
from strata.guessing.kinds import is_label_name
from strata.label_rules import RULE
from strata.yaml_words import merged, scalar

MANY_LABELS = 30
FEW_GRADES = 3  # with at most this many numbers, each is a label
GRADES = re.compile(r"(?i)rating|stars|score|grade|overall")
FEW_ROWS = 3  # a label with fewer is too rare for three splits
OF_MOST = re.compile(r"(?i)(\d{1,3}(?:\.\d{1,3})?) ?(?:/|out of|of) ?(\d{1,3})(?: stars?)?")
SCALES = ("3", "4", "5", "6", "7", "10", "20", "100")  # of grades, the highest one
STARS = re.compile(r"(?i)(\d{1,3}(?:\.\d{1,3})?)[ -]?stars?|([★⭐🌟]\ufe0f?)*(☆\ufe0f?)*")
IS = re.compile(r"(.*\.)?((?i:is|has)[_ ]|(is|has)(?=[A-Z]))")  # how a question is called whose answer is yes or no
YES_OR_NO = (["false", "true"], ["0", "1"], ["no", "yes"], ["n", "y"])
LIKELY = re.compile(r"(?i)pos|yes|spam")  # of the positive label
SIGNED = {("-1", "1"): ["negative", "positive"], ("-1", "0", "1"): ["negative", "neutral", "positive"]}

Labels = dict[str, str | list[str]]
"""Name to the source's value, to a list of values, or to a rule on numbers, as a recipe has it."""


def name_labels(
    column: str, counts: Counter[str], class_names: list[str] | None = None
) -> tuple[Labels, str | None, list[str]]:
    """Return the labels of a column, the positive one of two, and the doubts.

    counts: rows of each value, in its canonical spelling; two values at least. class_names: the file's own names for
    them, in id order, if it has any.
    """
    if class_names:
        return _class_labels(counts, class_names)
    numbers = {value: number for value in counts if (number := _number(value)) is not None}
    are_numbers = len(numbers) == len(counts)
    if are_numbers and _are_grades(column, set(numbers.values())):
        return _grades(column, counts, numbers)
    written = _written_grades(list(counts))
    if len(set(written.values())) > FEW_GRADES:
        return _grades(column, counts, written)
    groups, doubts = _alike(numbers if are_numbers else {value: " ".join(value.casefold().split()) for value in counts})
    names = _names(column, [group[0] for group in groups])
    doubts += _few_rows(dict(zip(names, groups, strict=True)), counts)
    if len(groups) > MANY_LABELS:
        doubts.append(f"{len(groups):,} labels, one for each value; should some be merged?")
    if are_numbers and names[0].startswith("label_"):
        doubts.append(f"the labels have no names but {', '.join(group[0] for group in groups[:5])}; give them names")
    else:
        doubts += _made_up(dict(zip(names, (group[0] for group in groups), strict=True)))
    positive = None
    if len(groups) == 2:
        likely = [
            name
            for name, (value, *_) in zip(names, groups, strict=True)
            if value in ("1", "true") or value.lower() == "y" or re.match(LIKELY, value)
        ]
        positive, doubt = _positive(names, likely, [sum(counts[value] for value in group) for group in groups])
        doubts += doubt
    # a value that looks like a rule goes into a list: inside a list, it is literal
    values = [group if len(group) > 1 or group[0][0] in "*<>=!" else group[0] for group in groups]
    return dict(zip(names, values, strict=True)), positive, doubts


def _positive(names: list[str], likely: list[str], rows: list[int]) -> tuple[str, list[str]]:
    """Return the positive label of two, and the doubt. likely: the names that suggest it. rows: of each label."""
    if len(likely) == 1:
        return likely[0], []
    if rows[0] == rows[1]:
        return names[1], [f"positive is {names[1]}, though both labels have as many rows and neither name says so"]
    rarer = names[0] if rows[0] < rows[1] else names[1]
    return rarer, [f"positive is {rarer}, the rarer label"]


def _class_labels(counts: Counter[str], class_names: list[str]) -> tuple[Labels, str | None, list[str]]:
    """Return the labels that a file names, in id order; those without a row are left out, which is a doubt."""
    values = [canonical(name) for name in class_names]
    present = [value for value in dict.fromkeys(values) if counts[value]]
    absent = [value for value in values if not counts[value]]
    names = _unique([_slug(value) for value in present])
    doubts = [f"no row has the file's label {', '.join(absent[:5])}, which is left out"] if absent else []
    positive = None
    if len(names) == 2:
        likely = [name for name in names if re.match(LIKELY, name)]
        positive, doubt = _positive(names, likely, [counts[value] for value in present])
        doubts += doubt
    labels = dict(zip(names, present, strict=True))
    return labels, positive, doubts + _few_rows({name: [value] for name, value in labels.items()}, counts)


def _few_rows(groups: dict[str, list[str]], counts: Counter[str]) -> list[str]:
    """Return the doubt about labels of too few rows, with the line of the recipe that makes several of them one."""
    few = {name: values for name, values in groups.items() if are_too_few(values, counts)}
    if not few:
        return []
    verb = "has" if len(few) == 1 else "have"
    doubt = f"{len(few):,} of {len(groups):,} labels {verb} fewer than {FEW_ROWS} rows, too few for some split"
    if merge := merged(few, list(groups)):
        return [f"{doubt}; {merge}"]
    shown = ", ".join(list(few)[:3]) + (f" and {len(few) - 3:,} more" if len(few) > 3 else "")
    example = scalar([values[0] for values in groups.values()][:2])
    merge = f', or merge labels by listing their values behind one name, as in "both: {example}"'
    return [f"{doubt}; add rows of {shown}{merge if len(groups) > 2 else ''}"]


def are_too_few(value: str | list[str], counts: Counter[str]) -> bool:
    """Whether a label has too few rows for three splits. value: of `Labels`; False for a rule on grades, whose
    rows are not counted.
    """
    if isinstance(value, str) and RULE.fullmatch(value):
        return False
    return sum(counts[one] for one in ([value] if isinstance(value, str) else value)) < FEW_ROWS


def _are_grades(column: str, numbers: set[float]) -> bool:
    is_graded = GRADES.search(column) or len(numbers) > MANY_LABELS or not all(n.is_integer() for n in numbers)
    return len(numbers) > FEW_GRADES and bool(is_graded)


def _grades(column: str, counts: Counter[str], numbers: dict[str, float]) -> tuple[Labels, str, list[str]]:
    """Return labels for the lower and the upper third of the grades' range, cut at the nearest values.

    The rules compare numbers if all values are numbers; otherwise, they list values.
    """
    lowest, highest = min(numbers.values()), max(numbers.values())
    third, middle = (highest - lowest) / 3, (lowest + highest) / 2
    ranked = sorted(numbers, key=lambda value: (numbers[value], value))
    # each threshold stays on its side of the middle; on a tie take the outer value
    low = min((v for v in ranked if numbers[v] < middle), key=lambda v: abs(numbers[v] - lowest - third))
    high = min((v for v in reversed(ranked) if numbers[v] > middle), key=lambda v: abs(highest - third - numbers[v]))
    lower = [value for value in ranked if numbers[value] <= numbers[low]]
    upper = [value for value in ranked if numbers[value] >= numbers[high]]
    rows = [sum(counts[value] for value in values) for values in (lower, upper)]
    are_numbers = all(_number(value) is not None for value in numbers)
    least, most = (format(Decimal(value), "f") if are_numbers else value for value in (low, high))  # without exponent
    doubt = (
        f"{column} holds grades: {rows[0]:,} rows up to {least} are negative, {rows[1]:,} from {most} on positive, "
        f"{counts.total() - sum(rows):,} between are dropped"
    )
    rules = [f"<= {least}", f">= {most}"] if are_numbers else [lower, upper]
    return dict(zip(("negative", "positive"), rules, strict=True)), "positive", [doubt]


def _written_grades(values: list[str]) -> dict[str, float]:
    """Return the number of each grade that is written in words or stars: 4 out of 5, 4/5, 4 stars, ★★★★☆.

    Empty where one value is none of these, or they count out of different numbers.
    """
    grades, most = {}, set()
    for value in values:
        if match := OF_MOST.fullmatch(value):
            grades[value] = float(match[1])
            most.add(match[2])
            if match[2] not in SCALES:  # 1/12 is a month, or a part of a whole
                return {}
        elif match := STARS.fullmatch(value):
            grades[value] = float(match[1] or sum(value.count(star) for star in "★⭐🌟"))
    return grades if len(grades) == len(values) and len(most) < 2 else {}


def _alike(keys: dict[str, float] | dict[str, str]) -> tuple[list[list[str]], list[str]]:
    """Group the values of one key, ordered by number or else by value, with the doubts that this raises.

    keys: each value's number, or its text without differences of case and spacing.
    """
    groups = {}
    for value in sorted(keys, key=lambda v: (keys[v] if isinstance(keys[v], float) else 0, v)):
        groups.setdefault(keys[value], []).append(value)
    alike = [[repr(value[:20]) for value in group[:5]] for group in groups.values() if len(group) > 1]
    if len(groups) == 1:
        spellings = " and ".join(alike[0])
        doubt = f"{spellings} differ only in spelling; merge them if they are one label"
        return [[value] for value in groups.popitem()[1]], [doubt]
    merges = ", ".join(" = ".join(spellings) for spellings in alike[:5])
    return list(groups.values()), [f"one label each for {merges}"] if alike else []


def _names(column: str, values: list[str]) -> list[str]:
    asked = IS.match(column)
    about = column[asked.end() :] if asked else column
    answers = [value.lower() for value in values]
    is_answer = answers in YES_OR_NO if asked else answers == ["false", "true"]
    if is_answer and not is_label_name(about):  # not_label would say nothing
        return [f"not_{_slug(about)}", _slug(about)]
    if values == ["0", "1"] and re.search(r"(?i)sentiment|polarity", column):
        return ["negative", "positive"]
    return SIGNED.get(tuple(values)) or _unique([_slug(value) for value in values])


def _made_up(values: dict[str, str]) -> list[str]:
    """Return the doubt about names that say little of their values, such as other_1 for a smiley. values: by name."""
    slugs = Counter(map(_slug, values.values()))
    made_up = {name: value for name, value in values.items() if slugs[_slug(value)] > 1 or not re.search(r"\w", value)}
    if not made_up:
        return []
    shown = ", ".join(f"{name} for {value[:20]!r}" for name, value in list(made_up.items())[:5])
    return [f"some labels have made-up names: {shown}; give them names of your own in the recipe"]


def _unique(names: list[str]) -> list[str]:
    """Number repeated names; skip numbers already in use."""
    counts, taken, unique = Counter(names), set(names), []
    for name in names:
        free = (f"{name}_{i}" for i in itertools.count(1))
        unique.append(name if counts[name] == 1 else next(other for other in free if other not in taken))
        taken.add(unique[-1])
    return unique


def _slug(value: str) -> str:
    value = re.sub(r"^-(?=\.?\d)", "minus_", html.unescape(value))
    slug = re.sub(r"\W+", "_", value.lower()).strip("_")[:40] or "other"
    return f"label_{slug}" if slug[0].isdigit() or slug.startswith("minus_") else slug


def _number(value: str) -> float | None:
    """Read a number as pandas does: ASCII digits only, without underscores."""
    try:
        number = float(value) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
