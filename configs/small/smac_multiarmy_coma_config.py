"""DI-engine's COMA on the small multi-army SMAC.

It never learns from the last reward of an episode.
Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/small/smac_multiarmy_coma_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.smac_multiarmy import small

main_config, create_config = small("coma")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
