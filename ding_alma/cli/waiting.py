"""What a command says before the seconds in which it imports DI-engine and torch."""

import sys

import click

from ding_alma.registration import register_all


def import_everything() -> None:
    """Import what trained policies need; say so, and if kernels are compiled then, where it takes seconds.

    On the standard error, so that tables can be piped.
    """
    if "torch" not in sys.modules:
        _say("importing torch and DI-engine, which takes some seconds ...")
        # Not at the top: numba takes most of a second.
        from dizoo_ext.compilation import tell_of_compilation

        tell_of_compilation(_say)
    register_all()


def _say(text: str) -> None:
    click.echo(text, err=True)
