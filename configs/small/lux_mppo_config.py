"""Masked PPO with a trajectory per factory and unit on small boards of Lux AI Season 2; the other team is kept alive.

Needs the extra 'lux'. Task, sizes, schedules: ding_alma/setting/lux.py; defaults: ding_alma/policy/mppo.py.
Run: ``uv run ding -m serial_onpolicy -c configs/small/lux_mppo_config.py -s 0 --env-step 4e4``
"""

from ding_alma.setting.lux import small

main_config, create_config = small("mppo")

if __name__ == "__main__":
    from ding.entry import serial_pipeline_onpolicy

    serial_pipeline_onpolicy((main_config, create_config), seed=0)
