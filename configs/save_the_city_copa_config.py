"""COPA on SaveTheCity as the ALMA paper compares with it (NeurIPS 2022), on top of A-QMIX.

Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: ding_alma/policy/copa.py.
Run: ``uv run ding -m serial -c configs/save_the_city_copa_config.py -s 0 --env-step 15e6``
"""

from ding_alma.setting.save_the_city import paper

main_config, create_config = paper("copa")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
