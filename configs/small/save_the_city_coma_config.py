"""DI-engine's COMA on the small SaveTheCity.

It never learns from the last reward of an episode.
Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/small/save_the_city_coma_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.save_the_city import small

main_config, create_config = small("coma")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
