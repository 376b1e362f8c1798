"""What an engine raises when its game is gone."""


class GameLost(RuntimeError):
    """The game crashed, froze or stopped making sense, in the middle of whatever it was doing.

    The battle is over and its numbers are worthless; the engine's next `begin` starts from scratch.
    """
