"""A-QMIX on the small SaveTheCity.

Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: ding_alma/policy/aqmix.py.
Run: ``uv run ding -m serial -c configs/small/save_the_city_aqmix_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.save_the_city import small

main_config, create_config = small("aqmix")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
