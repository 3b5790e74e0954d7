"""Sources beyond this machine, each pinned to its content: https:// by a SHA-256, hub:// by a commit."""

import hashlib
import re
import ssl
import urllib.parse
import urllib.request
from http.client import HTTPException
from pathlib import Path

from strata.base.errors import StrataError
from strata.reading.source_file import FORMATS

MOST = 8 * 1024**3  # bytes of a download
WAIT = 60  # seconds without an answer


class _StayOnHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if not newurl.startswith("https://"):
            raise StrataError(f"source {req.full_url}: redirects to {newurl}, which is not https; name another address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(address: str, folder: Path) -> Path:
    """Download https://HOST/PATH#sha256=HEX into `folder`, under the file's own name.

    Raises: StrataError when it cannot be had, is too large, or is not the content that the SHA-256 names.
    """
    url, _, fragment = address.partition("#")
    parts = urllib.parse.urlsplit(url)
    name = re.sub(r"[^\w.-]", "_", urllib.parse.unquote(parts.path.rpartition("/")[2])).lstrip(".")
    if parts.username or parts.password:
        raise StrataError(f"source {parts.hostname}: has a user name or password in it; a recipe is no place for those")
    wanted = re.fullmatch(r"sha256=([0-9a-f]{64})", fragment)
    if fragment and not wanted:
        raise StrataError(f"source {address}: what follows # must be sha256= and 64 hexadecimal digits")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or "download")
    try:
        found = _download(url, path)
    except (OSError, HTTPException, ValueError) as error:
        raise StrataError(f"source {url}: cannot be had: {error}; mend the address, or put the file in place") from None
    if wanted is None:
        raise StrataError(
            f"source {url}: its content may change; the file there now has SHA-256 {found}; if you trust it, write "
            f"{url}#sha256={found}"
        )
    if found != wanted[1]:
        raise StrataError(
            f"source {url}: the file there has SHA-256 {found}, the recipe says {wanted[1]}; it has changed: look at "
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

    Without a glob: the data files named after `role` (train, test), as data/train-00000-of-00001.parquet is. The Hub's
    cache is used where the files are in it, and alone with HF_HUB_OFFLINE=1.
    Raises: StrataError when the address is malformed, or names no file or files of several folders.
    """
    # takes a second, and only such an address needs it
    from huggingface_hub import snapshot_download

    match = re.fullmatch(r"hub://([\w.-]+(?:/[\w.-]+)?)@([^/@]+)(?:/(.+))?", address)
    if not match:
        raise StrataError(f"source {address}: not a dataset on the Hub; write hub://OWNER/NAME@COMMIT/FILE")
    name, revision, inside = match.groups()
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise StrataError(f"source {address}: {revision} can move; write the commit's 40 hexadecimal digits")
    if inside and (".." in Path(inside).parts or Path(inside).is_absolute()):
        raise StrataError(f"source {address}: the path climbs out of the repository")
    if re.search(r"\*\*[^/]|[^/]\*\*", inside or ""):
        raise StrataError(f"source {address}: not a pattern for file names; write one such as data/train-*.parquet")
    packed = [f"{suffix}{packing}" for suffix in FORMATS for packing in ("", ".gz", ".zst")]
    patterns = [inside] if inside else [f"*{suffix}" for suffix in (*packed, ".zip")]
    try:
        folder = Path(snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=patterns))
    except Exception as error:  # the Hub's client raises its own, requests' and the file system's errors
        raise StrataError(
            f"source {address}: not to be had from the Hub, nor in its cache ({type(error).__name__}); mend the name "
            "and commit, or put the file in data/raw"
        ) from None
    data = sorted(path for path in folder.rglob("*") if path.name.endswith((*packed, ".zip")))
    if inside:
        found = sorted(path for path in folder.glob(inside) if path.is_file())
    else:
        is_role = re.compile(rf"(?:.*[/_.-])?{role}(?:[/_.-].*)?")
        found = [path for path in data if is_role.fullmatch(path.relative_to(folder).as_posix())]
    if not found or (not inside and len({path.parent for path in found}) > 1):
        there = ", ".join(path.relative_to(folder).as_posix() for path in data[:20]) or "no data file"
        what = "several folders hold" if found else "no"
        raise StrataError(
            f"source {address}: {what} {inside or role} files among {there}; write hub://{name}@{revision}/FILE"
        )
    return found
