"""A page that runs the int8 model in its visitor's browser, with transformers.js: index.html beside the model's files.

Its scripts come from jsDelivr, which serves the files of npm's packages as they are. A browser runs them only if their
hashes are these.
"""

import json
import re
from pathlib import Path
from typing import Any

from markupsafe import Markup

from strata.publishing.templates import filled
from strata.runtime.text_tokens import MOST_CHARACTERS
from strata.text import cleaning

NAME = "index.html"
READ = ("config.json", "onnx/model_quantized.onnx", "preparation.json", "tokenizer.json", "tokenizer_config.json")
"""What the page reads in a model folder."""
CDN = "https://cdn.jsdelivr.net/npm/"
TRANSFORMERS_JS = "@huggingface/transformers@4.3.1"
ONNX_RUNTIME = "onnxruntime-web@1.31.0-dev.20260914-8d85527a0"  # the one that this transformers.js needs
LIBRARY = f"{TRANSFORMERS_JS}/dist/transformers.min.js"
SCRIPT = f"{ONNX_RUNTIME}/dist/ort-wasm-simd-threaded.asyncify.mjs"
PROGRAM = f"{ONNX_RUNTIME}/dist/ort-wasm-simd-threaded.asyncify.wasm"
INTEGRITY = json.loads(Path(__file__).with_name("integrity.json").read_text(encoding="utf-8"))
"""The SHA-384 of each script, as a browser compares it."""


def page(name: str) -> str:
    """Return the page. name: its title."""
    address = CDN + LIBRARY
    values: dict[str, Any] = {
        "name": name,
        "import_map": {
            "imports": {"@huggingface/transformers": address},
            "integrity": {address: INTEGRITY[LIBRARY]},
        },
        "runtime": {"script": _file(SCRIPT), "program": _file(PROGRAM)},
        "most_characters": MOST_CHARACTERS,
        "blocks": cleaning.BLOCKS.replace("|", ", "),
        "deepest": cleaning.DEEPEST,
    }
    for pattern in ("block_tag", "inline_tag", "nesting_tag", "not_a_tag"):
        values[pattern] = _literal(getattr(cleaning, pattern.upper()))
    return filled("index.html.j2", escape=True, **values)


def _file(path: str) -> dict[str, str]:
    return {"address": CDN + path, "integrity": INTEGRITY[path]}


def _literal(pattern: re.Pattern) -> Markup:
    """Return a pattern as JavaScript writes it. It must not end the script that it stands in."""
    return Markup(f"/{pattern.pattern.replace('/', chr(92) + '/')}/gi".replace("<!--", r"<!\-\-"))
