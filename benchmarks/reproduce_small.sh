#!/usr/bin/env bash
# From nothing to the pictures and tables of docs/results/small_save_the_city, small_smac_multiarmy,
# small_group_matching, small_lux, small_lbf and small_rware.
#
# It takes about nine hours on two cores (docs/results.md has the parts); at its end it prints what it took. Runs that
# are finished are skipped, interrupted ones go on from their last checkpoint, so that the script can be stopped and
# started again at any time.
#
#   benchmarks/reproduce_small.sh [FOLDER OF THE RUNS]        default: runs/reproduced
#
# Variables: TASKS ("save_the_city smac_multiarmy lux group_matching lbf rware", or some of them), JOBS (runs at a time,
# 2), SEEDS ("0 1 2"), MATCHING_SEEDS ("0 1 2 3 4"), and environment steps: CITY_STEPS, BATTLE_STEPS (ALMA),
# CITY_RIVAL_STEPS, BATTLE_RIVAL_STEPS (all others), MATCHING_STEPS, LUX_STEPS, LBF_STEPS, RWARE_STEPS; and RESULTS, where
# the results go (docs/results). Methods are judged at the steps that all have reached; ALMA's curve goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

RUNS=${1:-runs/reproduced}
ALL_TASKS="save_the_city smac_multiarmy lux group_matching lbf rware"
TASKS=${TASKS:-$ALL_TASKS}
JOBS=${JOBS:-2}
SEEDS=${SEEDS:-0 1 2}
MATCHING_SEEDS=${MATCHING_SEEDS:-0 1 2 3 4}
CITY_STEPS=${CITY_STEPS:-4e5}
CITY_RIVAL_STEPS=${CITY_RIVAL_STEPS:-2e5}
BATTLE_STEPS=${BATTLE_STEPS:-2e5}
BATTLE_RIVAL_STEPS=${BATTLE_RIVAL_STEPS:-8e4}
MATCHING_STEPS=${MATCHING_STEPS:-9e4}
LUX_STEPS=${LUX_STEPS:-4e4}
LBF_STEPS=${LBF_STEPS:-2e5}
RWARE_STEPS=${RWARE_STEPS:-3e5}
RESULTS=${RESULTS:-docs/results}
export OMP_NUM_THREADS=1 RUNS

source benchmarks/reproduce_common.sh
check_tasks $ALL_TASKS

ALMA=(alma:alma)
RIVALS=(alma_heuristic:alma_heuristic alma_no_mask:alma_no_mask aqmix:aqmix refil:refil copa:copa coma:coma
  "coma_ext:coma:--policy coma_ext")
DYNAMIC="alma_dynamic_heuristic:alma_heuristic:env.heuristic_style=dynamic policy.allocation.period=5"
MATCHING=(refil:refil aqmix:aqmix)
NEIGHBOURS=(alma:alma alma_heuristic:alma_heuristic aqmix:aqmix refil:refil coma:coma)
MPPO=(mppo:mppo)
SEPARATIONS=(separate:mppo "global_critic:mppo:policy.separation=global_critic"
  "global_reward:mppo:policy.separation=global_reward" "global_trajectory:mppo:policy.separation=none")

{
  runs_of save_the_city configs/small/save_the_city "$CITY_STEPS" "${ALMA[@]}"
  runs_of save_the_city configs/small/save_the_city "$CITY_RIVAL_STEPS" "${RIVALS[@]}" "${MPPO[@]}"
  runs_of smac_multiarmy configs/small/smac_multiarmy "$BATTLE_STEPS" "${ALMA[@]}"
  runs_of smac_multiarmy configs/small/smac_multiarmy "$BATTLE_RIVAL_STEPS" "${RIVALS[@]}" "$DYNAMIC"
  runs_of lux configs/small/lux "$LUX_STEPS" "${SEPARATIONS[@]}"
  runs_of lbf configs/small/lbf "$LBF_STEPS" "${NEIGHBOURS[@]}"
  runs_of rware configs/small/rware "$RWARE_STEPS" "${NEIGHBOURS[@]}"
  SEEDS=$MATCHING_SEEDS
  runs_of group_matching configs/small/group_matching "$MATCHING_STEPS" "${MATCHING[@]}"
} | xargs -P "$JOBS" -I LINE bash -c 'train LINE'

declare -A LABELS=(
  [alma]="ALMA" [alma_heuristic]="same agents, heuristic allocation" [alma_no_mask]="ALMA, no mask"
  [alma_dynamic_heuristic]="same agents, dynamic heuristic" [aqmix]="A-QMIX" [refil]="REFIL" [copa]="COPA"
  [coma]="COMA of DI-engine" [coma_ext]="COMA, repaired" [mppo]="M-PPO"
  [separate]="separate trajectories" [global_critic]="global critic" [global_reward]="global reward"
  [global_trajectory]="one global trajectory"
)

mapfile -t SCRIPTED < <(scripted save_the_city configs/small/save_the_city_alma_config.py)
on_runs save_the_city "${ALMA[@]}" "${RIVALS[@]}" "${MPPO[@]}" \
  -- compare -o "$RESULTS/small_save_the_city" --title "Small SaveTheCity" \
  --metric solved --metric return --metric prop_buildings_completed "${SCRIPTED[@]}"
mapfile -t SCRIPTED < <(scripted lbf configs/small/lbf_alma_config.py)
on_runs lbf "${NEIGHBOURS[@]}" -- compare -o "$RESULTS/small_lbf" --title "Small Level-Based Foraging" \
  --metric solved --metric return --metric collected "${SCRIPTED[@]}"
on_runs rware "${NEIGHBOURS[@]}" -- compare -o "$RESULTS/small_rware" --title "Small warehouse" --metric return
LABELS[alma_heuristic]="same agents, matching heuristic"
mapfile -t SCRIPTED < <(scripted smac_multiarmy configs/small/smac_multiarmy_alma_config.py)
on_runs smac_multiarmy "${ALMA[@]}" "${RIVALS[@]}" "$DYNAMIC" \
  -- compare -o "$RESULTS/small_smac_multiarmy" --title "Small multi-army SMAC" \
  --metric battle_won --metric return --metric perc_armies_defeated --metric base_infiltrated "${SCRIPTED[@]}"
on_runs group_matching "${MATCHING[@]}" \
  -- compare -o "$RESULTS/small_group_matching" --title "Small Group Matching" --metric solved --metric return
on_runs lux "${SEPARATIONS[@]}" -- compare -o "$RESULTS/small_lux" --title "Masked PPO on small Lux boards" \
  --metric ice_transferred --metric episode_length
echo "$((SECONDS / 60)) minutes with $JOBS runs at a time"
