"""Masked PPO with one trajectory per team on Lux AI Season 2: the thesis' hybrid control with a global trajectory.

Needs the extra 'lux'. Task, sizes, schedules: ding_alma/setting/lux.py; defaults: ding_alma/policy/mppo.py.
Run: ``uv run ding -m serial_onpolicy -c configs/lux_mppo_global_config.py -s 0 --env-step 102400``
"""

from ding_alma.setting.lux import paper

main_config, create_config = paper("mppo")
main_config.exp_name = "runs/lux_mppo_global"
# (str) Everything is summed over a team's members.
main_config.policy.separation = "none"

if __name__ == "__main__":
    from ding.entry import serial_pipeline_onpolicy

    serial_pipeline_onpolicy((main_config, create_config), seed=0)
