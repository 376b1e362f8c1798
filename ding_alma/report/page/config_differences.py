"""In which values of their configurations methods differ."""

from dataclasses import dataclass
from typing import Any

from ding_alma.report.run_groups import Groups
from ding_alma.setting.registered import SUFFIX

SAME_MEANING = (
    *("exp_name", "seed"),
    *("policy.learn.resume_training", "policy.learn.learner.hook.load_ckpt_before_run"),
)
"""Keys that differ between any two runs, or between a resumed and an unbroken one, whatever their methods."""
POLICY = "policy.type"
DING_TYPE = "cfg_type"
"""What DI-engine's keys end with that name a class of configurations."""


@dataclass(frozen=True)
class Difference:
    """One key in which methods differ."""

    key: str
    values: dict[str, list[str]]
    """Method -> the values of its runs as text, each once; none where its runs do not have the key."""

    @property
    def is_shared(self) -> bool:
        """Whether all methods have the key."""
        return all(self.values.values())


def config_differences(groups: Groups) -> list[Difference]:
    """The keys in which the methods differ whose configurations are known, sorted; those that all have come first."""
    known = {method: [run.config for run in runs if run.config] for method, runs in groups.items()}
    known = {method: configs for method, configs in known.items() if configs}
    keys = {key for configs in known.values() for config in configs for key in config if _tells_methods_apart(key)}
    found = []
    for key in sorted(keys):
        values = {
            method: sorted({_text(key, config[key]) for config in configs if key in config})
            for method, configs in known.items()
        }
        if len({tuple(each) for each in values.values()}) > 1:
            found.append(Difference(key, values))
    return sorted(found, key=lambda difference: not difference.is_shared)


def unknown_configs(groups: Groups) -> list[str]:
    """The methods no run of which has a configuration beside it."""
    return [method for method, runs in groups.items() if not any(run.config for run in runs)]


def _tells_methods_apart(key: str) -> bool:
    return key not in SAME_MEANING and not key.endswith(DING_TYPE)


def _text(key: str, value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text.removesuffix(SUFFIX) if key == POLICY else text
