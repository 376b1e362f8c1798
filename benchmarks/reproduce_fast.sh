#!/usr/bin/env bash
# From nothing to the pictures and tables of docs/results/fast_save_the_city, fast_smac_sz_symmetric,
# fast_smac_sz_unitdisadvantage, fast_smac_MMM_symmetric and fast_group_matching: the papers' own tasks in the fast
# setting, with the analyses of the ALMA paper's Figure 6.
#
# A run of ALMA takes about an hour of one core and there are 140 runs, so that all takes days; TASKS, METHODS and SEEDS
# choose among them, and steps can be fewer. Runs that are finished are skipped, interrupted ones go on from their last
# checkpoint, so that the script can be stopped and started again at any time. At its end it prints what it took.
#
#   benchmarks/reproduce_fast.sh [FOLDER OF THE RUNS]        default: runs/fast
#
# Variables: TASKS ("save_the_city smac_sz_symmetric smac_sz_unitdisadvantage smac_MMM_symmetric group_matching", or
# some of them), METHODS (all, or some of alma alma_heuristic alma_dynamic_heuristic alma_no_mask aqmix refil copa mppo
# coma), JOBS (runs at a time, 2), SEEDS of ALMA and of the heuristics ("0 1 2 3 4"), RIVAL_SEEDS ("0 1 2"), environment
# steps: CITY_STEPS, BATTLE_STEPS, MATCHING_STEPS; and RESULTS, where the results go (docs/results).
set -euo pipefail
cd "$(dirname "$0")/.."

RUNS=${1:-runs/fast}
ALL_TASKS="save_the_city smac_sz_symmetric smac_sz_unitdisadvantage smac_MMM_symmetric group_matching"
TASKS=${TASKS:-$ALL_TASKS}
ALL_METHODS="alma alma_heuristic alma_dynamic_heuristic alma_no_mask aqmix refil copa mppo coma"
METHODS=${METHODS:-$ALL_METHODS}
JOBS=${JOBS:-2}
SEEDS=${SEEDS:-0 1 2 3 4}
RIVAL_SEEDS=${RIVAL_SEEDS:-0 1 2}
CITY_STEPS=${CITY_STEPS:-3e6}
BATTLE_STEPS=${BATTLE_STEPS:-3e6}
MATCHING_STEPS=${MATCHING_STEPS:-3e5}
RESULTS=${RESULTS:-docs/results}
export OMP_NUM_THREADS=1 RUNS

source benchmarks/reproduce_common.sh
check_tasks $ALL_TASKS

for method in $METHODS; do
  if [[ " $ALL_METHODS " != *" $method "* ]]; then
    echo "METHODS: no method '$method', there are: $ALL_METHODS" >&2
    exit 2
  fi
done

# Those of METHODS that are among the arguments, METHOD:CONFIG:OPTIONS each, one per line.
chosen() {
  for method in "$@"; do
    if [[ " $METHODS " == *" ${method%%:*} "* ]]; then
      echo "$method"
    fi
  done
}

mapfile -t ALLOCATORS < <(chosen alma:alma alma_heuristic:alma_heuristic)
mapfile -t DYNAMIC < <(chosen "alma_dynamic_heuristic:alma_heuristic:env.heuristic_style=dynamic policy.allocation.period=5")
# Sums as ALMA's agents have them: hypernetworks would make an update four times as expensive.
SUMS="policy.network.mixer=vdn"
mapfile -t RIVALS < <(chosen alma_no_mask:alma_no_mask "aqmix:aqmix:$SUMS" "refil:refil:$SUMS" "copa:copa:$SUMS" \
  mppo:mppo coma:coma)
mapfile -t MATCHING < <(chosen aqmix:aqmix refil:refil copa:copa)
CITY=configs/fast/save_the_city
declare -A BATTLES=(
  [smac_sz_symmetric]=6-8sz_maxsize4_maxarmies3_symmetric
  [smac_sz_unitdisadvantage]=6-8sz_maxsize4_maxarmies3_unitdisadvantage
  [smac_MMM_symmetric]=6-8MMM_maxsize4_maxarmies3_symmetric
)

# Methods with a scenario of SMAC: SCENARIO METHOD...
on_battlefield() {
  local scenario=$1 method
  shift
  for method in "$@"; do
    IFS=: read -r name config options <<<"$method"
    echo "$name:$config:env.scenario=$scenario $options"
  done
}

{
  runs_of save_the_city "$CITY" "$CITY_STEPS" "${ALLOCATORS[@]}"
  SEEDS=$RIVAL_SEEDS runs_of save_the_city "$CITY" "$CITY_STEPS" "${RIVALS[@]}"
  for task in "${!BATTLES[@]}"; do
    mapfile -t methods < <(on_battlefield "${BATTLES[$task]}" "${ALLOCATORS[@]}" "${DYNAMIC[@]}")
    runs_of "$task" configs/fast/smac_multiarmy "$BATTLE_STEPS" "${methods[@]}"
    mapfile -t methods < <(on_battlefield "${BATTLES[$task]}" "${RIVALS[@]}")
    SEEDS=$RIVAL_SEEDS runs_of "$task" configs/fast/smac_multiarmy "$BATTLE_STEPS" "${methods[@]}"
  done
  runs_of group_matching configs/fast/group_matching "$MATCHING_STEPS" "${MATCHING[@]}"
} | xargs -P "$JOBS" -I LINE bash -c 'train LINE'

declare -A LABELS=(
  [alma]="ALMA" [alma_heuristic]="same agents, heuristic allocation" [alma_no_mask]="ALMA, no mask"
  [alma_dynamic_heuristic]="same agents, dynamic heuristic" [aqmix]="A-QMIX, sums" [refil]="REFIL, sums"
  [copa]="COPA, sums"
  [coma]="COMA of DI-engine" [mppo]="M-PPO"
)

mapfile -t SCRIPTED < <(scripted save_the_city ${CITY}_alma_config.py)
results=$RESULTS/fast_save_the_city
on_runs save_the_city "${ALLOCATORS[@]}" "${RIVALS[@]}" \
  -- compare -o "$results" --title "SaveTheCity 2-5a_2-5b, fast setting" \
  --metric solved --metric return --metric prop_buildings_completed "${SCRIPTED[@]}"
on_runs save_the_city "${ALLOCATORS[@]}" -- analyse mix -o "$results" --episodes 512
on_runs save_the_city "${ALLOCATORS[@]}" "${RIVALS[@]}" -- analyse subtasks -o "$results"
LABELS[alma_heuristic]="same agents, matching heuristic"
for task in "${!BATTLES[@]}"; do
  mapfile -t SCRIPTED < <(scripted "$task" configs/fast/smac_multiarmy_alma_config.py --scenario "${BATTLES[$task]}")
  results=$RESULTS/fast_$task
  on_runs "$task" "${ALLOCATORS[@]}" "${DYNAMIC[@]}" "${RIVALS[@]}" \
    -- compare -o "$results" --title "Multi-army SMAC ${BATTLES[$task]}, fast setting" \
    --metric battle_won --metric return --metric perc_armies_defeated "${SCRIPTED[@]}"
  on_runs "$task" "${ALLOCATORS[@]}" "${DYNAMIC[@]}" -- analyse mix -o "$results" --episodes 512
  on_runs "$task" "${ALLOCATORS[@]}" "${DYNAMIC[@]}" "${RIVALS[@]}" -- analyse distance -o "$results"
done
LABELS+=([aqmix]="A-QMIX" [refil]="REFIL" [copa]="COPA")
on_runs group_matching "${MATCHING[@]}" \
  -- compare -o "$RESULTS/fast_group_matching" --title "Group Matching, fast setting" --metric solved --metric return
echo "$((SECONDS / 60)) minutes with $JOBS runs at a time"
