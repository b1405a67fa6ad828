"""The machinery between the commands and what one edits, a folder for each duty.

data/         sources, cleaning, questions, statistics   prepare_data.py
pass_rates/   endpoints, sampled agent, journal, report  measure_pass_rates.py
training/     YAML, checks, Ray, resume, progress        main.py
figure/       curves, intervals, comparison, drawing     plot_result.py
"""
