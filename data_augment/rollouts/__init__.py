"""What the agent wrote in a run: kept while it trains, shown afterwards.

files.py         the files of a run, one for each step, and what a line holds
store.py         the data processor that writes them
choice.py        which rollouts to show: filters, and a task that was learned
printed.py       rollouts on a terminal
page.py          rollouts as one HTML page, out of page.html
"""
