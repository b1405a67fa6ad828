"""Whether two final answers are the same; `math_agent.answers.is_correct` is the way in.

checker_process.py   processes with a limit on their CPU time, in which all below runs
matching.py          the rules: lists, sets, units, equations; where people differ, one choice
  equations.py       what an equation stands for (x = 5 for 5)
  regions.py         inequalities and intervals as sets
  values.py          numbers and expressions: exact, or to many digits and relative
    operations.py    what an operation does: exactly, and with mpmath
reader.py            from text to what it says (shapes.py), over expressions.py, numerals.py,
                     unit_phrases.py and cursor.py; trees.py helps them
  asides.py          declarations (k in Z), (mod 7), equations side by side
  spelling.py        LaTeX, Unicode and Markdown made one spelling, and cut into tokens
  units.py, words.py the closed lists of units, of what is counted (things.txt), and of words
                     that have a meaning
"""
