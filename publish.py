"""Push the quantized model with its card to the Hugging Face Hub, in one commit, to a private repository.

    python -m publish OWNER/NAME               # from the root, after dvc repro; make publish REPO=OWNER/NAME
    python -m publish OWNER/NAME --dry-run     # says what would be sent, and sends nothing
    python -m publish OWNER/NAME --public      # to a repository that everybody can read

Signs in as `hf auth login` or HF_TOKEN say. Refuses files that are not those of the recorded run, whose figures the
card holds.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, RepositoryNotFoundError
from huggingface_hub.utils import validate_repo_id

from stages.shared import command
from stages.shared.card import REPOSITORY
from stages.shared.command import StageError

FOLDER, CARD = Path("models/quantize"), Path("model_card.md")  # what the stages quantize and report write


def contents(folder: Path, card: Path, repo: str) -> dict[str, Path | bytes]:
    """Return what is sent, by its path in the repository. Raises: StageError when the model or its card is missing."""
    for path in (folder / "onnx/model_quantized.onnx", folder / "config.json", card):
        if not path.is_file():
            raise StageError(f"{path}: no such file; run dvc repro, or dvc checkout")
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return found | {"README.md": card.read_text(encoding="utf-8").replace(REPOSITORY, repo).encode()}


def check_recorded() -> None:
    """Raise: StageError when a file that is sent, or anything in the run behind it, is not what dvc.lock records."""
    done = subprocess.run([sys.executable, "-m", "dvc", "status"], capture_output=True, text=True, check=False)
    if done.returncode or "up to date" not in done.stdout:
        first = " ".join((done.stdout or done.stderr).split())[:200]
        raise StageError(
            f"the model is not that of the recorded run, whose figures the card holds ({first}); dvc repro"
        )


def push(api: HfApi, repo: str, files: dict[str, Path | bytes], public: bool) -> str:
    """Make the repository, private unless `public`, and commit the files to it, in place of what it holds.

    Returns: the address of the commit.
    Raises: StageError when the repository is there and not as private or public as was asked for.
    """
    try:
        there = api.model_info(repo)
    except RepositoryNotFoundError:
        api.create_repo(repo, private=not public)
        held = []
    else:
        if public and there.private:
            raise StageError(f"{repo} is private; make it public on the Hub, or leave --public out")
        if not public and not there.private:
            raise StageError(f"{repo} is public; --public to publish there, or name another")
        held = [file.rfilename for file in there.siblings or []]
    operations = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in files.items()]
    stale = set(held) - set(files) - {".gitattributes"}
    operations += [CommitOperationDelete(path_in_repo=name) for name in sorted(stale)]
    return api.create_commit(repo, operations, commit_message="Publish the classifier").commit_url


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repo", metavar="OWNER/NAME")
    parser.add_argument("--public", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args(argv)
    try:
        validate_repo_id(args.repo)
    except HFValidationError:
        args.repo = ""
    if args.repo.count("/") != 1:
        raise StageError("no such name for a repository; write OWNER/NAME")
    files = contents(FOLDER, CARD, args.repo)
    check_recorded()
    for name, content in files.items():
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        print(f"publish: {name}, {size / 1e6:.2f} MB")
    if args.dry_run:
        print(f"publish: nothing sent to {args.repo} (dry run)")
        return
    if get_token() is None:
        raise StageError("nobody is signed in to the Hub; hf auth login, or set HF_TOKEN")
    try:
        print(f"publish: {push(HfApi(), args.repo, files, args.public)}")
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "no answer")
        raise StageError(f"{args.repo}: the Hub refused ({status}); is the token one that may write there?") from None
    except (OSError, HTTPError) as error:
        raise StageError(f"{args.repo}: the Hub cannot be reached ({type(error).__name__})") from None


if __name__ == "__main__":
    command.run(main, "publish")
