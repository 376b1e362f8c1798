"""What runs leave behind and show: hooks, records, checkpoints and the command `ding-alma`."""
