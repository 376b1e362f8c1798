"""DI-engine's COMA on Level-Based Foraging.

It never learns from the last reward of an episode.
Needs the extra 'lbf'. Task, sizes, schedules: ding_alma/setting/lbf.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/lbf_coma_config.py -s 0 --env-step 5e6``
"""

from ding_alma.setting.lbf import paper

main_config, create_config = paper("coma")
# (dict) Probability that all agents act at random together.
main_config.policy.other.eps = dict(type="exp", start=0.5, end=0.01, decay=200_000)

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
