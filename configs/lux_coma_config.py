"""DI-engine's COMA on Lux AI Season 2, with a fixed number of slots for robots; empty ones can do nothing.

Every slot is given the team's reward, whether a robot stands in it or not: a baseline. Needs the extra 'lux'.
Task, sizes, schedules: ding_alma/setting/lux.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/lux_coma_config.py -s 0 --env-step 4e6``
"""

from ding_alma.setting.lux import paper

main_config, create_config = paper("coma")
# (dict) Probability that all agents act at random together.
main_config.policy.other.eps = dict(type="exp", start=0.5, end=0.01, decay=200_000)

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
