"""What one run is to do."""

from dataclasses import dataclass
from pathlib import Path

from easydict import EasyDict


@dataclass(frozen=True)
class Job:
    """A config as DI-engine reads it from a file, a seed and where to stop."""

    main: EasyDict
    create: EasyDict
    seed: int = 0
    max_env_step: int | None = None
    """Environment steps of the whole run; None = DI-engine's default, practically without end."""
    max_train_iter: int | None = None
    """Learner iterations of the whole run; None as above."""
    collectors: int | None = None
    """Of a parallel run; None = the processes that its host starts beside learner and evaluator."""
    is_on_policy: bool = False

    @property
    def folder(self) -> Path:
        """Where the run goes."""
        return Path(self.main.exp_name)

    @property
    def log(self) -> Path:
        """What the run would have printed, beside its folder, where several go on side by side."""
        return self.folder.with_name(f"{self.folder.name}.log")
