"""A-QMIX on SaveTheCity, the paper's "Flat" rival of ALMA there (NeurIPS 2022), with its values.

Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: ding_alma/policy/aqmix.py.
Run: ``uv run ding -m serial -c configs/save_the_city_aqmix_config.py -s 0 --env-step 15e6``
"""

from ding_alma.setting.save_the_city import paper

main_config, create_config = paper("aqmix")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
