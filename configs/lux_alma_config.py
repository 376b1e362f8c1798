"""ALMA on Lux AI Season 2: robots are allocated to factories, which are kept by what their robots bring.

Needs the extra 'lux'. Task, sizes, schedules: ding_alma/setting/lux.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/lux_alma_config.py -s 0 --env-step 4e6``
"""

from ding_alma.setting.lux import paper

main_config, create_config = paper("alma")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
