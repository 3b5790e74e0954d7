"""Sources on other machines, each pinned to its content: https:// by a SHA-256, hub:// by a commit."""

import hashlib
import re
import ssl
import urllib.parse
import urllib.request
from http.client import HTTPException
from pathlib import Path

from strata.base.errors import StrataError
from strata.reading.formats import SUFFIXES

MOST = 8 * 1024**3  # bytes of a download
WAIT = 60  # seconds without an answer


class _StayOnHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if not newurl.startswith("https://"):
            raise StrataError(f"source {req.full_url}: redirects to {newurl}, which is not https; name another address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(address: str, folder: Path) -> Path:
    """Download https://HOST/PATH#sha256=HEX into `folder` under the file's own name, and return the path.

    Raises: StrataError when the download fails or is too large, or its content has another SHA-256 or none is named.
    """
    url, _, fragment = address.partition("#")
    parts = urllib.parse.urlsplit(url)
    name = re.sub(r"[^\w.-]", "_", urllib.parse.unquote(parts.path.rpartition("/")[2])).lstrip(".")
    if parts.username or parts.password:
        raise StrataError(
            f"source {parts.hostname}: has a user name or password in it; never write those into a recipe"
        )
    pinned = re.fullmatch(r"sha256=([0-9a-f]{64})", fragment)
    if fragment and not pinned:
        raise StrataError(f"source {address}: what follows # must be sha256= and 64 hexadecimal digits")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or "download")
    try:
        sha256 = _download(url, path)
    except (OSError, HTTPException, ValueError) as error:
        raise StrataError(
            f"source {url}: cannot be downloaded: {error}; fix the address, or put the file in place"
        ) from None
    if pinned is None:
        raise StrataError(
            f"source {url}: its content may change; the file there now has SHA-256 {sha256}; if you trust it, write "
            f"{url}#sha256={sha256}"
        )
    if sha256 != pinned[1]:
        raise StrataError(
            f"source {url}: the file there has SHA-256 {sha256}, the recipe says {pinned[1]}; it has changed: look at "
            "it before you write the new one"
        )
    return path


def _download(url: str, path: Path) -> str:
    """Write what is at `url` to `path` and return its SHA-256."""
    context = ssl.create_default_context()
    opener = urllib.request.build_opener(_StayOnHttps, urllib.request.HTTPSHandler(context=context))
    digest, size = hashlib.sha256(), 0
    with opener.open(url, timeout=WAIT) as answer, path.open("wb") as file:
        while block := answer.read(1 << 20):
            size += len(block)
            if size > MOST:
                raise StrataError(f"source {url}: more than {MOST:,} bytes; download it yourself into data/raw")
            digest.update(block)
            file.write(block)
        promised = answer.headers.get("Content-Length")
        if promised and size != int(promised):
            raise StrataError(f"source {url}: broke off after {size:,} of {int(promised):,} bytes; try again")
    return digest.hexdigest()


def hub_files(address: str, role: str) -> list[Path]:
    """Return the files that hub://NAME@COMMIT/GLOB names in a dataset repository on the Hugging Face Hub, sorted.

    Without a glob: the data files named after `role` (train, test), such as data/train-00000-of-00001.parquet. Files in
    the Hub's cache are not downloaded again; with HF_HUB_OFFLINE=1, nothing is downloaded.
    Raises: StrataError when the address is malformed, or names no file or files of several folders.
    """
    name, revision, pattern = _hub_address(address)
    folder = _snapshot(address, name, revision, pattern)
    data = sorted(path for path in folder.rglob("*") if path.name.endswith(SUFFIXES))
    if pattern:
        paths = sorted(path for path in folder.glob(pattern) if path.is_file())
    else:
        is_role = re.compile(rf"(?:.*[/_.-])?{role}(?:[/_.-].*)?")
        paths = [path for path in data if is_role.fullmatch(path.relative_to(folder).as_posix())]
    if not paths or (not pattern and len({path.parent for path in paths}) > 1):
        present = ", ".join(path.relative_to(folder).as_posix() for path in data[:20]) or "no data file"
        problem = "several folders hold" if paths else "no"
        raise StrataError(
            f"source {address}: {problem} {pattern or role} files among {present}; write hub://{name}@{revision}/FILE"
        )
    return paths


def _hub_address(address: str) -> tuple[str, str, str | None]:
    """Return the repository's name, the commit and the glob of a hub:// address. Raises: StrataError."""
    match = re.fullmatch(r"hub://([\w.-]+(?:/[\w.-]+)?)@([^/@]+)(?:/(.+))?", address)
    if not match:
        raise StrataError(f"source {address}: not a dataset on the Hub; write hub://OWNER/NAME@COMMIT/FILE")
    name, revision, pattern = match.groups()
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise StrataError(f"source {address}: {revision} can move; write the commit's 40 hexadecimal digits")
    if pattern and (".." in Path(pattern).parts or Path(pattern).is_absolute()):
        raise StrataError(f"source {address}: the path climbs out of the repository")
    if re.search(r"\*\*[^/]|[^/]\*\*", pattern or ""):
        raise StrataError(f"source {address}: not a pattern for file names; write one such as data/train-*.parquet")
    return name, revision, pattern


def _snapshot(address: str, name: str, revision: str, pattern: str | None) -> Path:
    """Return the folder of a repository's data files at a commit, downloaded where the Hub's cache lacks them."""
    # the import takes a second, and only hub:// addresses need it
    from huggingface_hub import snapshot_download

    patterns = [pattern] if pattern else [f"*{suffix}" for suffix in SUFFIXES]
    try:
        return Path(snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=patterns))
    except Exception as error:  # the Hub's client raises its own errors, those of requests and of the file system
        raise StrataError(
            f"source {address}: not found on the Hub, nor in its cache ({type(error).__name__}); fix the name and "
            "commit, or put the file in data/raw"
        ) from None
