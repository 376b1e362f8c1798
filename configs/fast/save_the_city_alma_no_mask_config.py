"""ALMA "No Mask" on the paper's SaveTheCity, learnt within hours of one core: agents see more than their own subtask.

Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/fast/save_the_city_alma_no_mask_config.py -s 0 --env-step 5e6``
"""

from ding_alma.setting.save_the_city import fast

main_config, create_config = fast("alma")
main_config.exp_name += "_no_mask"
# (str) Agents see everything, with labels that say whose subtask it is.
main_config.policy.network.conditioning = "embed"

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
