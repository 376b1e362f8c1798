"""ALMA on a small multi-robot warehouse.

Needs the extra 'rware'. Task, sizes, schedules: ding_alma/setting/rware.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/small/rware_alma_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.rware import small

main_config, create_config = small("alma")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
