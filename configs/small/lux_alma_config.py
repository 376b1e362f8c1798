"""ALMA on small boards of Lux AI Season 2.

Needs the extra 'lux'. Task, sizes, schedules: ding_alma/setting/lux.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/small/lux_alma_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.lux import small

main_config, create_config = small("alma")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
