"""Masked PPO with a trajectory per factory and unit on Lux AI Season 2, in self-play: the method of the MagMA thesis.

Needs the extra 'lux'. Task, sizes, schedules: ding_alma/setting/lux.py; defaults: ding_alma/policy/mppo.py.
Run: ``uv run ding -m serial_onpolicy -c configs/lux_mppo_config.py -s 0 --env-step 102400``
"""

from ding_alma.setting.lux import paper

main_config, create_config = paper("mppo")

if __name__ == "__main__":
    from ding.entry import serial_pipeline_onpolicy

    serial_pipeline_onpolicy((main_config, create_config), seed=0)
