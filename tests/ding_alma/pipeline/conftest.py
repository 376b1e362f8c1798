"""Shared by the tests of parallel runs: short pauses, because their transport is quick."""

import pytest

from ding_alma.pipeline import client


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(client, "RESEND_SECONDS", {})
    for name in ("RESEND_SECONDS_OF_DATA", "REMIND_SECONDS", "BEAT_SECONDS"):
        monkeypatch.setattr(client, name, 0.05)
    monkeypatch.setattr(client, "LONGEST_PAUSE_SECONDS", 0.4)
    # A worker's farewell may be lost, and nobody repeats it.
    monkeypatch.setattr("ding_alma.pipeline.learner.FAREWELL_SECONDS", 1.0)
