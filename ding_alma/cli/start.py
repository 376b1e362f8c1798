"""Where the command ``ding-alma`` starts, before its own imports."""

import signal


def main() -> None:
    """Run the command. Until its imports are done, Ctrl-C ends it at once and without a traceback."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from ding_alma.cli.main import main as command

    signal.signal(signal.SIGINT, handler)
    command()


if __name__ == "__main__":
    main()
