"""The arguments CONFIG and KEY=VALUE of commands, whose mistakes are told before anything heavy is imported."""

from pathlib import Path
from typing import Any

import click

from ding_alma.run.change_pair import change_pair
from ding_alma.run.run_error import RunError
from ding_alma.setting.shipped import find_config


class ConfigName(click.Path):
    """A config file, or the name of a shipped one."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path as it was given. Raises a ClickException if it leads nowhere."""
        if "=" in str(value) and not Path(value).exists():
            raise click.ClickException(f"{value} needs a CONFIG before it; a run that is resumed keeps its own config")
        try:
            find_config(value)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        return super().convert(value, param, ctx)


class Change(click.ParamType):
    """A key of the merged config and its value."""

    name = "KEY=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text as it was given. Raises a ClickException if it is no pair."""
        try:
            change_pair(value)
        except RunError as error:
            raise click.ClickException(str(error)) from error
        return value
