"""Messages between processes carry a proof that their sender knows the run's secret, checked before they are unpickled.

DI-engine's router unpickles whatever reaches its socket, and a pickle can run any code.
"""

import hmac
import logging
import os
import secrets
import stat
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ding_alma.run.run_error import RunError

SECRET = "DING_ALMA_SECRET"
SECRET_FILE = "DING_ALMA_SECRET_FILE"
SHORTEST = 16
"""Characters that a secret must have."""
DIGEST = "sha256"
DIGEST_BYTES = 32


def shared_key(environment: Mapping[str, str] = os.environ) -> bytes:
    """The secret of this run, which all its processes must have.

    Raises:
        RunError: there is none, it is too short, or others can read its file.
    """
    text, file = environment.get(SECRET), environment.get(SECRET_FILE)
    if text and file:
        raise RunError(f"{SECRET} and {SECRET_FILE} are both set; unset one of them")
    if file:
        source, text = f"{SECRET_FILE}={file}", _content(Path(file))
    elif text:
        source = SECRET
    else:
        raise RunError(
            f"the processes of a parallel run need a common secret: set {SECRET} on all hosts to the same random text, "
            f"such as what `openssl rand -hex 32` prints, or {SECRET_FILE} to a file that holds it"
        )
    if len(text) < SHORTEST:
        raise RunError(f"{source}: a secret needs at least {SHORTEST} characters, got {len(text)}")
    return text.encode()


def ensure_secret(environment: MutableMapping[str, str] = os.environ) -> None:
    """Make up a secret for the processes that this one starts, which inherit it, unless the user has set one."""
    if not environment.get(SECRET) and not environment.get(SECRET_FILE):
        environment[SECRET] = secrets.token_hex(32)


def authenticate(router: Any, key: bytes) -> None:
    """Have DI-engine's ``router`` of this process sign what it sends and drop what is not signed with ``key``.

    To be called before anything listens to a topic: the router unpickles only messages that somebody listens to.
    """
    queue = router._mq
    publish, handle = queue.publish, router._handle_message
    is_told = False

    def signed_publish(topic: str, data: bytes) -> None:
        publish(topic, _proof(key, topic, data) + data)

    def checked_handle(topic: str, message: bytes) -> None:
        nonlocal is_told
        proof, data = message[:DIGEST_BYTES], message[DIGEST_BYTES:]
        if hmac.compare_digest(proof, _proof(key, topic, data)):
            handle(topic, data)
        elif not is_told:
            is_told = True
            logging.warning(
                f"a message without this run's secret was dropped, as others will be: either a stranger sends to "
                f"this port, or {SECRET} is not the same on all hosts"
            )

    queue.publish, router._handle_message = signed_publish, checked_handle


def _proof(key: bytes, topic: str, data: bytes) -> bytes:
    # The length keeps a part of the data from being taken for a part of the topic.
    code = hmac.new(key, f"{len(topic)}:{topic}:".encode(), DIGEST)
    code.update(data)
    return code.digest()


def _content(file: Path) -> str:
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise RunError(f"{SECRET_FILE}={file}: other users can open this file; chmod 600 {file}")
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{SECRET_FILE}={file} cannot be read: {error}") from error
