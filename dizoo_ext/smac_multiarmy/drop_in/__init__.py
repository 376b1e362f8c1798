"""The class of SMAC that other people's code imports, on our engines (docs/neighbours.md#smac-without-the-game)."""
