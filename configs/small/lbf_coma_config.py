"""DI-engine's COMA on Level-Based Foraging with two and three agents.

It never learns from the last reward of an episode.
Needs the extra 'lbf'. Task, sizes, schedules: ding_alma/setting/lbf.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/small/lbf_coma_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.lbf import small

main_config, create_config = small("coma")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
