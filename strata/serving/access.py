"""The key that clients have to send, where the server has one."""

import base64
import binascii
import hmac
import os
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from strata.base.errors import StrataError

OPEN = ("/health", "/ready")  # paths that whoever starts and watches the server asks without a key
VARIABLE = "STRATA_API_KEY"
FEWEST = 16  # characters


class Access:
    """A layer around the application that asks for a key: `Authorization: Bearer KEY`.

    A browser asks its user: any name, and the key as password.
    """

    def __init__(self, app: ASGIApp, key: str | None):
        self.app, self.key = app, None if key is None else key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that has the key, and refuse others (401)."""
        if self._admits(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            headers = {"WWW-Authenticate": 'Bearer, Basic realm="strata"'}
            refusal = JSONResponse({"error": "no key, or a wrong one; send Authorization: Bearer KEY"}, 401, headers)
            await refusal(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _admits(self, scope: Scope) -> bool:
        if self.key is None or scope["type"] == "lifespan" or scope["path"] in OPEN:
            return True
        return scope["type"] == "http" and hmac.compare_digest(_sent(scope), self.key)


def _sent(scope: Scope) -> bytes:
    """Return the key of a request; empty where there is none."""
    value = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    kind, _, rest = value.partition(b" ")
    if kind.lower() == b"bearer":
        return rest.strip()
    try:
        return base64.b64decode(rest, validate=True).partition(b":")[2] if kind.lower() == b"basic" else b""
    except binascii.Error:
        return b""


def api_key(file: Path | None) -> str | None:
    """Return the key that a file holds, or the environment; None where neither does. Raises: StrataError."""
    if file is not None:
        try:
            key, origin = file.read_text(encoding="utf-8"), str(file)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise StrataError(f"{file}: {reason.lower()}; --key-file names a file that holds the key") from None
    elif VARIABLE in os.environ:
        key, origin = os.environ[VARIABLE], VARIABLE
    else:
        return None
    key = key.strip()
    if len(key) < FEWEST or not key.isascii() or not key.isprintable() or " " in key:
        raise StrataError(
            f"{origin}: a key has {FEWEST} or more letters, digits and signs, without spaces: openssl rand -hex 16"
        )
    return key
