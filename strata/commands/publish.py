"""Push the model and its card, or a page that runs it, to the Hugging Face Hub, in one commit, in private.

    $ strata publish me/films --dry-run
    publish: config.json, 0.00 MB
    publish: manifest.json, 0.00 MB
    publish: model.safetensors, 90.87 MB
    publish: onnx/model.onnx, 90.89 MB
    publish: onnx/model_quantized.onnx, 22.98 MB
    publish: preparation.json, 0.00 MB
    publish: quantization.json, 0.00 MB
    publish: tokenizer.json, 0.71 MB
    publish: tokenizer_config.json, 0.00 MB
    publish: README.md, 0.01 MB
    publish: index.html, 0.02 MB
    publish: nothing sent to me/films (dry run)

Signs in with the token of `hf auth login` or HF_TOKEN. Sends models/quantize and the card that report wrote,
and refuses files that are not those of the recorded run, whose figures the card holds. index.html runs the int8
model in the browser of whoever opens it from a web server; it is sent where model.kind is transformer. The Hub shows
it as a page in a Space alone:

    $ strata publish me/films --space static
    $ strata publish me/films --space

The first one pushes a Space that holds this page and what it reads. The second one pushes the page of strata serve,
which runs on the Space's own CPU; Strata's modules go along as files.
"""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, RepositoryNotFoundError
from huggingface_hub.utils import validate_repo_id
from huggingface_hub.utils._http import default_client_factory

from strata.base.errors import StrataError
from strata.base.printable import printable
from strata.card import REPOSITORY
from strata.commands.arguments import add_project, parser
from strata.model_kinds import TRANSFORMER
from strata.publishing import demo, space
from strata.runs.outputs import check_outputs
from strata.runtime import manifest
from strata.runtime.model_config import read_kind
from strata.runtime.predictor import CONFIG

KINDS = ("datasets", "models", "spaces", "kernels", "api")  # parts of the Hub's addresses, not owners
LOCKED = ("Unable to acquire lock", "is busy, it is being blocked", "cannot get lock")  # DVC's words
PATIENCE = 60  # seconds without a byte from the Hub
CACHED = ("data/", "models/")  # what DVC keeps in its cache
FOLDER, CARD = "models/quantize", "model_card.md"  # in the project; what the stages quantize and report write


def contents(folder: Path, card: Path, repo: str) -> dict[str, Path | bytes]:
    """Return what is sent, by its path in the repository. Raises: StrataError when the model or its card is missing."""
    space.check_parts(folder, card)
    model = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    readme = card.read_text(encoding="utf-8").replace(REPOSITORY, repo)
    page = {demo.NAME: demo.page(repo).encode()} if read_kind(folder / CONFIG) == TRANSFORMER else {}
    return model | {"README.md": readme.encode()} | page


def check_recorded(project: Path) -> None:
    """Raise: StrataError when a file that is sent, or anything in the run behind it, is not what dvc.lock records.

    So it does when DVC cannot tell.
    """
    if importlib.util.find_spec("dvc") is None:
        raise StrataError(
            "dvc is not installed beside this strata, so the model cannot be compared with the recorded one; in "
            "Strata's folder: pip install '.[pipeline]'"
        )
    status = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"], cwd=project, capture_output=True, text=True, check=False
    )
    if any(words in status.stderr for words in LOCKED):
        raise StrataError(
            "another DVC command works in this project, so the model cannot be compared with the recorded "
            "one; wait until it has ended, and run again"
        )
    if status.returncode:
        raise StrataError(
            "the model cannot be compared with the recorded one, since dvc status fails "
            f"({_words(status.stderr or status.stdout)}); run it in {project.resolve()} to see why"
        )
    if changed := changed_stages(json.loads(status.stdout)):
        raise StrataError(
            f"the model is not that of the recorded run, whose figures the card holds (changed: {', '.join(changed)}); "
            "dvc repro"
        )
    check_outputs(project, FOLDER, CARD)


def changed_stages(status: dict[str, list[str | dict[str, dict[str, str]]]]) -> list[str]:
    """Return the stages that something was changed of. status: of `dvc status --json`.

    Data that are not here have not changed: a clone may have pulled the model alone.

    >>> changed_stages({"ingest": [{"changed outs": {"data/ingest": "not in cache"}}], "train": ["changed command"]})
    ['train']
    """

    def is_absent(path: str, what: str) -> bool:
        return what == "not in cache" or (what == "deleted" and path.startswith(CACHED))

    def is_change(change: str | dict[str, dict[str, str]]) -> bool:
        paths = [] if isinstance(change, str) else [item for kind in change.values() for item in kind.items()]
        return not paths or not all(is_absent(*item) for item in paths)

    return [stage for stage, changes in status.items() if any(map(is_change, changes))]


def _words(output: str) -> str:
    return " ".join(output.split())[:200]


def check_name(repo: str) -> None:
    """Raise: StrataError when no repository of a model can have this name."""
    try:
        validate_repo_id(repo)
        valid = repo.count("/") == 1 and repo.split("/", maxsplit=1)[0] not in KINDS
    except HFValidationError:
        valid = False
    if not valid:
        kinds = f" (OWNER is none of {', '.join(KINDS)})" if repo.split("/", maxsplit=1)[0] in KINDS else ""
        raise StrataError(f"{repo[:60]!r} cannot be the name of a model's repository; write OWNER/NAME{kinds}")


def check_token() -> None:
    """Raise: StrataError when nobody is signed in, or the token has invalid characters."""
    token = get_token()
    if token is None:
        raise StrataError("nobody is signed in to the Hub; hf auth login, or set HF_TOKEN")
    if not re.fullmatch(r"[!-~]+", token):
        raise StrataError(
            "the token has spaces or characters that a token cannot have; hf auth login, or set HF_TOKEN anew"
        )


def impatient_client() -> Any:
    """Return the Hub's HTTP client with a limit on the time that it waits; by default, it waits for ever."""

    def limit(request: Any) -> None:
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), PATIENCE)

    client = default_client_factory()
    client.event_hooks = client.event_hooks | {"request": [*client.event_hooks["request"], limit]}
    return client


def push(api: HfApi, repo: str, files: dict[str, Path | bytes], public: bool, space_kind: str | None = None) -> str:
    """Make the repository, private unless `public`, and commit the files to it, in place of what it holds.

    space_kind: of a Space, one of space.KINDS; None: the repository is a model's.
    Returns: the address of the commit.
    Raises: StrataError when the repository is there and not as private or public as was asked for.
    """
    kind = "space" if space_kind else "model"
    try:
        info = api.repo_info(repo, repo_type=kind)
    except RepositoryNotFoundError:
        api.create_repo(repo, repo_type=kind, space_sdk=space_kind, private=not public)
        existing = []
    else:
        if public and info.private:
            raise StrataError(f"{repo} is private; make it public on the Hub, or leave --public out")
        if not public and not info.private:
            raise StrataError(f"{repo} is public; pass --public, or choose another repository")
        existing = [file.rfilename for file in info.siblings or []]
    operations = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in files.items()]
    stale = set(existing) - set(files) - {".gitattributes"}
    operations += [CommitOperationDelete(path_in_repo=name) for name in sorted(stale)]
    message = "Publish the classifier's page" if space_kind else "Publish the classifier"
    return api.create_commit(repo, operations, repo_type=kind, commit_message=message).commit_url


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("publish", __doc__)
    arguments.add_argument("repo", metavar="OWNER/NAME")
    arguments.add_argument("--public", action="store_true", help="to a repository that everybody can read")
    arguments.add_argument(
        "--space",
        nargs="?",
        const=space.KINDS[0],
        choices=space.KINDS,
        help="push a Space with the page of strata serve, or (static) one that runs in its visitor's browser",
    )
    arguments.add_argument("--dry-run", action="store_true", help="tell what would be sent, and send nothing")
    add_project(arguments)
    args = arguments.parse_args(argv)
    check_name(args.repo)
    folder, card = args.project / FOLDER, args.project / CARD
    files = space.contents(args.space, folder, card, args.repo) if args.space else contents(folder, card, args.repo)
    check_recorded(args.project)
    manifest.check(folder)
    for name, content in files.items():
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        print(f"publish: {name}, {size / 1e6:.2f} MB")
    if args.dry_run:
        print(f"publish: nothing sent to {args.repo} (dry run)")
        return
    check_token()
    set_client_factory(impatient_client)
    print(f"publish: sending to {args.repo}", flush=True)
    print(f"publish: {printable(str(sent(args.repo, files, args.public, args.space)))}")


def sent(repo: str, files: dict[str, Path | bytes], public: bool, space_kind: str | None = None) -> str:
    """Push, and return the address of the commit. Raises: StrataError that says whose fault it is when that fails."""
    try:
        return push(HfApi(), repo, files, public, space_kind)
    except StrataError:
        raise
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        raise StrataError(f"{repo}: the Hub {refusal(status)}") from None
    except (OSError, HTTPError) as error:
        if "Timeout" in type(error).__name__:
            raise StrataError(
                f"{repo}: the Hub has not answered for {PATIENCE:g} s; look at the repository before you try again"
            ) from None
        raise StrataError(f"{repo}: the Hub cannot be reached ({type(error).__name__})") from None
    except Exception as error:  # such as the client's, on an answer that is not the expected JSON
        raise StrataError(
            f"{repo}: the Hub's answer cannot be understood ({type(error).__name__}); if HF_ENDPOINT is set, is it the "
            "address of a Hub? Otherwise try again later"
        ) from None


def refusal(status: int | None) -> str:
    """Return what an HTTP status means and what to do. None: there was no answer."""
    if status is None:
        return "gave no answer; try again later"
    if status >= 500:
        return f"failed ({status}), which is its own fault; try again later"
    if status == 429:
        return f"wants fewer requests ({status}); try again later"
    if status in (401, 403):
        return f"refused ({status}); is the token one that may write there? hf auth whoami"
    return f"refused ({status}); is the name right, and may the token write there?"
