"""What a file in a format that is not read is, and how to convert it, in one sentence."""

import shlex
from pathlib import Path

from strata.reading.formats import ALLOWED

_TOKENS = "labels of tokens, not of texts; write a table with a row for each text and its label"
_SPANS = "labels of spans, not of texts; write a table with a row for each text and its label"
MARKED_PARTS = "its labels mark parts of texts, which is not classification; export labels of whole texts"
_PACKED = "an archive; unpack it and name what it holds"
_SQLITE = (
    'an SQLite database; sqlite3 -header -csv FILE "SELECT * FROM NAME" > rows.csv, where NAME is the table of texts '
    "(sqlite3 FILE .tables lists them)"
)
_YAML = (
    "YAML; python -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)' < FILE > rows.json "
    "(needs pyyaml)"
)
_R = "R's; in R, load it and write.csv(ITS_TABLE, 'rows.csv', row.names = FALSE)"
_PANDAS = "python -c 'import pandas, sys; pandas.read_{0}(sys.argv[1]).to_parquet(\"rows.parquet\")' FILE"
_HTML = (
    "HTML; if a table in it holds the rows: python -c 'import pandas, sys; pandas.read_html(sys.argv[1])[0]"
    '.to_csv("rows.csv", index=False)\' FILE (needs lxml); '
    "else save the text of each page as .txt, in a folder for each label, and name the "
    "folder above"
)
_MAIL = (
    "mail, whose texts stand among headers and may be encoded; write a table with a row for each body and its label "
    "(Python's module mailbox reads it)"
)
_DOCUMENT = "a document; save the text of each as .txt, in a folder for each label, and name the folder above"
DOCUMENTS = dict.fromkeys((".pdf", ".doc", ".docx", ".rtf", ".odt"), _DOCUMENT)
PYTHON = "a list as Python writes it; in Python, write it as JSON: json.dump(ROWS, open('rows.json', 'w'))"

UNREAD = {
    ".arff": "Weka's ARFF; in Weka, open it and save it as CSV",
    ".xml": 'XML; python -c \'import pandas, sys; pandas.read_xml(sys.argv[1], xpath=".//ELEMENT", parser="etree")'
    '.to_json("rows.json", orient="records")\' FILE, where ELEMENT is the one that holds a text',
    **dict.fromkeys((".yml", ".yaml"), _YAML),
    ".lu": "LUIS's LU; bf luis:convert --in FILE --out rows.json",
    ".md": "Markdown; write its examples as a table, or convert Rasa's with rasa data convert nlu",
    **dict.fromkeys((".conll", ".conllu", ".iob", ".iob2", ".bio"), _TOKENS),
    ".ann": _SPANS,
    **dict.fromkeys((".svm", ".libsvm"), "LIBSVM's, numbers without their texts; name the file that they came from"),
    **dict.fromkeys((".tar", ".tgz", ".bz2", ".xz", ".7z", ".rar"), _PACKED),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), _SQLITE),
    ".sql": "an SQL dump; load it into a database, and write the result of a query as CSV",
    **dict.fromkeys(
        (".pkl", ".pickle"), f"a pickle, which may run any code; if you trust it, {_PANDAS.format('pickle')}"
    ),
    **dict.fromkeys((".rds", ".rda", ".rdata"), _R),
    ".dta": f"Stata's; {_PANDAS.format('stata')}",
    ".sav": f"SPSS's; {_PANDAS.format('spss')}",
    ".sas7bdat": f"SAS's; {_PANDAS.format('sas')}",
    ".orc": f"ORC; {_PANDAS.format('orc')}",
    ".xlsb": "Excel's binary workbook; save it as .xlsx",
    **dict.fromkeys((".html", ".htm", ".xhtml"), _HTML),
    **dict.fromkeys((".mbox", ".eml", ".emlx", ".msg", ".pst"), _MAIL),
    **DOCUMENTS,
}


def refusal(path: Path, suffix: str) -> str:
    """Return the sentence that refuses a file whose suffix is in no format that is read."""
    if suffix in UNREAD:
        return f"{path}: {suffix} is not read; it is {UNREAD[suffix].replace('FILE', shlex.quote(path.name))}"
    what = f"unknown format {suffix!r}" if suffix else "no suffix, which says the format"
    return f"{path}: {what}; rename delimited text to .csv, .tsv or .txt; allowed: {ALLOWED}"
