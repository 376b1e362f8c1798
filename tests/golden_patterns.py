"""Which golden files exist, by area and kind."""

GOLDEN_PATTERNS = {
    "save_the_city": {
        "episode": "ep*.npz",
        "index": "index.json",
        "scenario_sets": "scenario_sets.json",
    },
    "alma": {
        "agent": "agent_*.npz",
        "mixer": "mixer_*.npz",
        "copa": "copa_*.npz",
        "learner": "learner_*.npz",
        "allocation_policy": "alloc_policy_*.npz",
        "allocation_critic": "alloc_critic_*.npz",
        "allocation_learner": "alloc_learner_*.npz",
        "acting": "acting_*.npz",
        "decision_points": "fn_meta_batch_*.npz",
        "schedules": "fn_eps_schedules.npz",
        "popart": "fn_popart.npz",
        "masks": "fn_masks.npz",
        "broadcast": "fn_broadcast_decisions.npz",
        "windows": "fn_window_sampler.npz",
    },
    "refil": {
        "attention": "attention.npz",
        "recurrent_agent": "agent_rnn.npz",
        "pooling_agent": "agent_rnn_pool_*.npz",
        "direct_agent": "agent_ff.npz",
        "flex_mixer": "mixer_flex_*.npz",
        "linear_mixer": "mixer_lin_*.npz",
        "learner": "learner_*.npz",
        "group_matching": "group_matching.npz",
    },
    "smac": {
        "play": "*_seed*.npz",
        "play_meta": "*_seed*.json",
        "scenarios": "scenarios.json",
        "placement": "placement.json",
    },
    "copa": {
        "attention": "mha.npz",
        "coach": "coach.npz",
        "player": "agent_*.npz",
        "coach_mixer": "mixer_coach.npz",
        "team_mixer": "mixer_nocoach.npz",
        "recognition": "vi.npz",
        "learner": "learner_*.npz",
        "adaptive_communication": "adaptive_comm.npz",
    },
}
"""Area -> kind -> files. A test marked ``golden(area, kind)`` gets one ``golden_path`` per file of that kind."""
