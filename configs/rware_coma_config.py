"""DI-engine's COMA on the multi-robot warehouse.

It never learns from the last reward of an episode.
Needs the extra 'rware'. Task, sizes, schedules: ding_alma/setting/rware.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/rware_coma_config.py -s 0 --env-step 1e7``
"""

from ding_alma.setting.rware import paper

main_config, create_config = paper("coma")
# (dict) Probability that all agents act at random together.
main_config.policy.other.eps = dict(type="exp", start=0.5, end=0.01, decay=200_000)

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
