"""Requests to a running StarCraft II and its responses; importing this module needs pysc2."""

import contextlib
import itertools
import time
from typing import Any

import websocket
from absl import flags
from google.protobuf.message import DecodeError
from pysc2.lib import protocol
from s2clientprotocol import sc2api_pb2

from dizoo_ext.smac_multiarmy.sc2.game_lost import GameLost
from dizoo_ext.smac_multiarmy.sc2.game_process import HOST, GameProcess

Status = protocol.Status
_SECONDS_BETWEEN_TRIES = 0.05
_HANDSHAKE_SECONDS = 5.0
_BROKEN = (
    protocol.ConnectionError,
    protocol.ProtocolError,
    websocket.WebSocketException,
    DecodeError,
    OSError,
    # Texts instead of bytes, and states that the protocol does not have.
    TypeError,
    ValueError,
)


class Connection:
    """The one client of a game."""

    def __init__(self, process: GameProcess, launch_timeout: float, request_timeout: float) -> None:
        """Wait until the game listens.

        Args:
            process: the game.
            launch_timeout: seconds that may pass before the game listens, and over each of `patient_request`.
            request_timeout: seconds that may pass over each `request`.

        Raises:
            GameLost: the game ended before it listened, or listens to somebody else, or took too long.
        """
        # pysc2 reads its command line options here; nobody has parsed them if it was not started by its own scripts.
        if not flags.FLAGS.is_parsed():
            flags.FLAGS.mark_as_parsed()
        self._patience, self._request_timeout = launch_timeout, request_timeout
        self._ids = itertools.count(1)
        self._socket = _connect(process, launch_timeout)
        try:
            self._client = protocol.StarcraftProtocol(self._socket)
        except OSError as error:
            raise GameLost(f"StarCraft II hung up at once: {error}") from error

    @property
    def status(self) -> protocol.Status:
        """What the game last said that it is doing."""
        return self._client.status

    def request(self, **message: Any) -> Any:
        """Ask ``<name>=<message>`` and return the response's field of that name.

        Raises:
            GameLost: no answer, an error, or nonsense.
        """
        return self._ask(self._request_timeout, message)

    def patient_request(self, **message: Any) -> Any:
        """`request` for what takes the game as long as a launch."""
        return self._ask(self._patience, message)

    def quit(self) -> None:
        """Ask the game to quit, whether or not it hears, and hang up."""
        with contextlib.suppress(*_BROKEN):
            self._client.write(sc2api_pb2.Request(quit=sc2api_pb2.RequestQuit(), id=next(self._ids)))
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self._socket.shutdown()

    def _ask(self, seconds: float, message: dict[str, Any]) -> Any:
        (name,) = message
        request = sc2api_pb2.Request(**message, id=next(self._ids))
        try:
            self._socket.settimeout(seconds)
            response = self._client.send_req(request)
        except _BROKEN as error:
            raise GameLost(f"StarCraft II did not answer the request {name!r} (within {seconds} s): {error}") from error
        # A response without content may also stand without a name.
        if response.WhichOneof("response") not in (name, None) or response.id not in (request.id, 0):
            raise GameLost(
                f"StarCraft II answered request {request.id} ({name!r}) with response {response.id} "
                f"({response.WhichOneof('response')!r})"
            )
        return getattr(response, name)


def _connect(process: GameProcess, seconds: float) -> websocket.WebSocket:
    url = f"ws://{HOST}:{process.port}/sc2api"
    end = time.monotonic() + seconds
    while process.running and (left := end - time.monotonic()) > 0:
        try:
            connection = websocket.create_connection(url, timeout=min(left, _HANDSHAKE_SECONDS), http_no_proxy=[HOST])
        except (OSError, websocket.WebSocketTimeoutException):
            pass
        except websocket.WebSocketBadStatusException as error:
            # The game listens before it serves this address.
            if error.status_code != 404:
                raise GameLost(f"StarCraft II refuses to be connected to {url}: {error}") from error
        except websocket.WebSocketException as error:
            raise GameLost(f"StarCraft II refuses to be connected to {url}: {error}") from error
        else:
            # Another program may have taken the port before the game could.
            if process.running:
                return connection
            connection.shutdown()
        time.sleep(_SECONDS_BETWEEN_TRIES)
    reason = f"did not listen within {seconds} s" if process.running else "ended at once"
    raise GameLost(f"StarCraft II {reason}; its last words were: {process.last_words() or '(none)'}")
