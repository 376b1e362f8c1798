"""REFIL on SaveTheCity with ALMA's values; lambda as on StarCraft, since the paper has no REFIL here.

Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: ding_alma/policy/refil.py.
Run: ``uv run ding -m serial -c configs/save_the_city_refil_config.py -s 0 --env-step 15e6``
"""

from ding_alma.setting.save_the_city import paper

main_config, create_config = paper("refil")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
