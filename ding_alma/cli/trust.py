"""The option ``--trust-imports`` of all commands that read runs' folders."""

import click

from dizoo_ext.trusted_imports import trust

trust_option = click.option(
    "--trust-imports",
    multiple=True,
    metavar="PACKAGE",
    expose_value=False,
    callback=lambda context, parameter, packages: trust(packages),
    help="Package of your own that a run's folder may import, which runs its code; repeatable.",
)
