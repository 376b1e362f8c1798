"""A-QMIX on the ALMA paper's SaveTheCity, where it is the "Flat" rival, learnt within hours of one core.

Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: ding_alma/policy/aqmix.py.
Run: ``uv run ding -m serial -c configs/fast/save_the_city_aqmix_config.py -s 0 --env-step 5e6``
"""

from ding_alma.setting.save_the_city import fast

main_config, create_config = fast("aqmix")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
