"""Shared by the tests of parallel runs: short pauses, because their bus is quick."""

import pytest

from ding_alma.pipeline import link


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(link, "RESEND_SECONDS", {})
    for name in ("RESEND_SECONDS_OF_DATA", "REMIND_SECONDS", "BEAT_SECONDS"):
        monkeypatch.setattr(link, name, 0.05)
