"""DI-engine's COMA on small boards of Lux AI Season 2; see configs/lux_coma_config.py.

Needs the extra 'lux'. Task, sizes, schedules: ding_alma/setting/lux.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/small/lux_coma_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.lux import small

main_config, create_config = small("coma")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
