"""Links that can't be forged: a claim, signed, in a URL's path.

A token is ``<key id>.<claim>.<signature>``: the claim as base64url JSON, signed with HMAC-SHA-256
under a key derived of one secret and its id. Nothing in it is random, so the same claim always
gives the same link.
"""

import contextlib
import hashlib
import os
import re
import secrets as random_source
import stat
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from itsdangerous import BadData, URLSafeSerializer

from rowferry.domain.links import LinkClaim, link_claim
from rowferry.domain.task import Task

LINK_PATH: Final = "/d/"
MIN_SECRET_BYTES: Final = 16
_SECRET_BYTES: Final = 32
_KEY_ID_CHARS: Final = 8
_MAX_TOKEN_CHARS: Final = 1024  # a client's name has at most 255 bytes
_SIGNED: Final = re.compile("[A-Za-z0-9_.-]+")  # of other letters Python reads some as these


class LinkSealer:
    """Makes links and opens them.

    The first secret signs; all of them verify, so that a secret can be replaced while links made
    with the old one still work. ``public_url`` is where clients reach this service, without a
    slash at its end; it may be set once the address is known.
    """

    def __init__(self, secrets: Sequence[bytes], public_url: str) -> None:
        if not secrets or any(len(secret) < MIN_SECRET_BYTES for secret in secrets):
            raise ValueError(f"Links need secrets of at least {MIN_SECRET_BYTES} bytes.")
        self.public_url = public_url.rstrip("/")
        self._signing_key_id = _key_id(secrets[0])
        self._serializers = {_key_id(secret): _serializer(secret) for secret in secrets}

    def url(self, task: Task) -> str:
        """Give the link to a task's file; "" while there is none."""
        claim = link_claim(task)
        return self.seal(claim) if claim else ""

    def seal(self, claim: LinkClaim) -> str:
        """Give the claim's link."""
        fields = [claim.client, claim.task_id, claim.attempt, int(claim.expires_at.timestamp())]
        signed = self._serializers[self._signing_key_id].dumps(fields)
        return f"{self.public_url}{LINK_PATH}{self._signing_key_id}.{_text(signed)}"

    def open(self, token: str) -> LinkClaim | None:
        """Give what a token seals, expired or not; None unless one of the secrets signed it."""
        key_id, _, signed = token.partition(".")
        serializer = self._serializers.get(key_id)
        if serializer is None or len(token) > _MAX_TOKEN_CHARS or not _SIGNED.fullmatch(signed):
            return None
        try:
            client, task_id, attempt, expires = serializer.loads(signed)
        except BadData:
            return None
        return LinkClaim(
            client=client,
            task_id=task_id,
            attempt=attempt,
            expires_at=datetime.fromtimestamp(expires, UTC),
        )


def load_or_create_secret(path: str | os.PathLike[str]) -> bytes:
    """Read the secret at ``path``; the first time, make one (32 random bytes as hex, mode 0600).

    Raises ``PermissionError`` for a file that others than its owner may read, ``ValueError`` for
    one that holds too little.
    """
    file = Path(path)
    if not file.exists():
        _create_secret(file)
    return _load_secret(file)


def _create_secret(file: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".secret-") as fresh:  # mode 0600
        fresh.write(random_source.token_hex(_SECRET_BYTES).encode())
        fresh.flush()
        os.fsync(fresh.fileno())
        # a link, not a rename: of two services that start at once, one makes the secret of both
        with contextlib.suppress(FileExistsError):
            os.link(fresh.name, file)


def _load_secret(file: Path) -> bytes:
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise PermissionError(f"{file} holds a secret and must be readable by its owner only.")
    secret = file.read_bytes().strip()
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"{file} must hold at least {MIN_SECRET_BYTES} bytes.")
    return secret


def _serializer(secret: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret,
        salt=f"rowferry.download-link.{_key_id(secret)}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _key_id(secret: bytes) -> str:
    """Name a secret without telling anything of it."""
    return hashlib.sha256(b"rowferry link key id\0" + secret).hexdigest()[:_KEY_ID_CHARS]


def _text(signed: str | bytes) -> str:
    return signed if isinstance(signed, str) else signed.decode()
