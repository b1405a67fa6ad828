"""The machinery between the commands and what one edits, a folder for each duty.

data/         sources, cleaning, questions, statistics   prepare_data.py
pass_rates/   endpoints, sampled agent, journal, report  measure_pass_rates.py
training/     YAML, checks, Ray, resume, progress        main.py
figure/       curves, intervals, comparison, drawing     plot_result.py
evaluation/   scores, majority, which model is meant     evaluate.py
export/       a checkpoint as a Hugging Face folder      python -m data_augment.export
ask/          one question to a model                    python -m data_augment.ask

checkpoints.py says where a run's weights are, addresses.py how a server is reached.
"""
