"""DI-engine's COMA on the ALMA paper's SaveTheCity, as many environments side by side as for the others.

It never learns from the last reward of an episode.
Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/fast/save_the_city_coma_config.py -s 0 --env-step 5e6``
"""

from ding_alma.setting.save_the_city import fast

main_config, create_config = fast("coma")
# (dict) Probability that all agents act at random together.
main_config.policy.other.eps = dict(type="exp", start=0.5, end=0.01, decay=200_000)
# (int) Learner iterations between evaluations: at most 96,000 environment steps.
main_config.policy.eval.evaluator.eval_freq = 500

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
