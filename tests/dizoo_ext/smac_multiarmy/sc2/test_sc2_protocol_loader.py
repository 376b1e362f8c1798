"""The protocol's old generated modules under today's protobuf."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from dizoo_ext.smac_multiarmy.sc2 import protocol_loader
from dizoo_ext.smac_multiarmy.sc2.protocol_loader import make_protocol_importable, serialised_descriptor

ROUND_TRIP = f"""
import runpy, sys
loader = runpy.run_path({protocol_loader.__file__!r})
loader["make_protocol_importable"]()
loader["make_protocol_importable"]()
from s2clientprotocol import sc2api_pb2, debug_pb2, error_pb2, raw_pb2
request = sc2api_pb2.Request(id=3)
command = request.debug.debug.add()
command.create_unit.pos.x = 1.1
command.create_unit.unit_type = 74
assert sc2api_pb2.Request.FromString(request.SerializeToString()) == request
assert error_pb2.ActionResult.Value("YouCantControlThatUnit") == 87
assert sc2api_pb2.ResponseCreateGame.Error.Name(1) == "MissingMap"
assert raw_pb2.Unit().DESCRIPTOR.full_name == "SC2APIProtocol.Unit"
print(sum(type(finder).__name__ == "_ProtocolFinder" for finder in sys.meta_path))
"""


def run(**variables):
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, "-c", ROUND_TRIP], env=environment, check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def test_messages_work_under_the_fast_implementation():
    assert run(PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="upb") == 1


def test_nothing_is_done_where_the_modules_work():
    assert run(PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="python") == 0


def test_all_modules_hold_their_descriptor():
    make_protocol_importable()
    import s2clientprotocol

    paths = sorted(Path(s2clientprotocol.__file__).parent.glob("*_pb2.py"))
    names = [
        descriptor_pb2.FileDescriptorProto.FromString(serialised_descriptor(path.read_text(), str(path))).name
        for path in paths
    ]
    assert names == [f"s2clientprotocol/{path.stem.removesuffix('_pb2')}.proto" for path in paths]
    assert len(names) >= 10


def test_both_kinds_of_literals_are_read():
    assert serialised_descriptor(r"x(serialized_pb=_b('\n\x1d\'a\xff'), y)", "") == b"\n\x1d'a\xff"
    assert serialised_descriptor(r"x(serialized_pb=b'\n\x1d\'a\xff', y)", "") == b"\n\x1d'a\xff"


def test_a_module_without_descriptor_is_refused():
    with pytest.raises(ImportError, match=r"no serialised descriptor in some/path.*PROTOCOL_BUFFERS"):
        serialised_descriptor("DESCRIPTOR = None", "some/path")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(protocol_loader, "PACKAGE", "no_such_package")
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if type(f).__name__ != "_ProtocolFinder"])
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        make_protocol_importable()
