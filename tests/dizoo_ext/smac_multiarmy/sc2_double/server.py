"""A program that talks like StarCraft II and plays on the embedded engine; launched in the game's place by tests."""

import argparse
import os
import sys
import time
from pathlib import Path

from without_ding import import_without_ding

import_without_ding()

from dizoo_ext.smac_multiarmy.sc2.protocol_loader import make_protocol_importable  # noqa: E402

make_protocol_importable()

from faults import Faults  # noqa: E402
from room import Room  # noqa: E402
from s2clientprotocol import sc2api_pb2  # noqa: E402
from websockets.sync.server import ServerConnection, serve  # noqa: E402


def talk(client: ServerConnection, room: Room, faults: Faults) -> None:
    """Answer requests until the client asks to quit or hangs up."""
    # pysc2 sends bytes in frames that are marked as text.
    while frame := client.recv(decode=False):
        request = sc2api_pb2.Request.FromString(frame)
        if request.WhichOneof("request") == "quit":
            os._exit(0)
        faults.before(request)
        response = faults.instead_of(request, room.status) or room.answer(request)
        client.send(response if isinstance(response, bytes) else response.SerializeToString())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-listen", required=True)
    parser.add_argument("-port", type=int, required=True)
    parser.add_argument("-dataDir", type=Path, required=True)
    parser.add_argument("-tempDir", type=Path, required=True)
    parser.add_argument("-dataVersion")
    arguments = parser.parse_args()
    faults = Faults(arguments.dataDir)
    if not arguments.tempDir.is_dir():
        sys.exit(f"no folder {arguments.tempDir}")
    time.sleep(faults.start_seconds)
    room = Room(faults)
    with serve(
        lambda client: talk(client, room, faults),
        arguments.listen,
        arguments.port,
        compression=None,
        max_size=None,
        ping_interval=None,
    ) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
