"""ALMA on the paper's SaveTheCity (NeurIPS 2022), learnt within hours of one core.

Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/fast/save_the_city_alma_config.py -s 0 --env-step 5e6``
"""

from ding_alma.setting.save_the_city import fast

main_config, create_config = fast("alma")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
