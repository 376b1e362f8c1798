"""The commands ``ding-alma configs`` and ``ding-alma config``: what can be trained, and with which values."""

from pathlib import Path

import click

from ding_alma.cli.config_arguments import Change, ConfigName
from ding_alma.cli.waiting import import_everything
from ding_alma.run.run_error import RunError
from ding_alma.setting.shipped import describe, shipped_configs


@click.command("configs")
@click.argument("part", default="")
def configs_command(part: str) -> None:
    """List the configs that come with ding-alma, those with PART in their names.

    The names can be given wherever a command takes a config: ding-alma train small/save_the_city/alma
    """
    found = {name: path for name, path in shipped_configs().items() if part in name}
    if not found:
        raise click.ClickException(f"no shipped config has {part!r} in its name; `ding-alma configs` lists all")
    width = max(map(len, found))
    for name, path in found.items():
        click.echo(f"{name:<{width}}  {describe(path)}")


@click.command("config")
@click.argument("config", type=ConfigName())
@click.argument("changes", type=Change(), nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--only", default="", metavar="PREFIX", help="Keys that begin with this, such as policy.learn.")
def config_command(config: Path, changes: tuple[str, ...], only: str) -> None:
    """Print every value of CONFIG as a training would use it, with its meaning and the file that it comes from.

    CONFIG is a file or a name that `ding-alma configs` lists. KEY=VALUE changes a key, as for `train`. The values are
    merged by DI-engine, whose import takes seconds.
    """
    import_everything()
    from ding_alma.report.config_listing import list_config

    try:
        values = list_config(config, list(changes))
    except RunError as error:
        raise click.ClickException(str(error)) from error
    shown = [value for value in values if value.path.startswith(only)]
    if not shown:
        raise click.ClickException(f"no key begins with {only!r}")
    for value in shown:
        click.echo(f"{click.style(value.path, bold=True)} = {value.value!r}")
        origin = value.origin if value.has_effect else f"{value.origin}; for other policies"
        click.echo(f"    {value.meaning}  [{origin}]" if value.meaning else f"    [{origin}]")
