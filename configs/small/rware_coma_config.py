"""DI-engine's COMA on a small multi-robot warehouse.

It never learns from the last reward of an episode.
Needs the extra 'rware'. Task, sizes, schedules: ding_alma/setting/rware.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/small/rware_coma_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.rware import small

main_config, create_config = small("coma")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
