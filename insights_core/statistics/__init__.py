"""How sure a figure is: intervals, tests and discoveries. All that pages, cards, REST and the CLI state goes through here.

Two ideas run through all of it. Traces of one session are not independent, so a count is worth as many traces as its
effective number says (Kish 1965, "Survey Sampling"; Korn and Graubard 1998, "Confidence intervals for proportions with
small expected number of positive counts estimated from survey data"). And what was picked out of many is judged as
picked out of many (Benjamini and Hochberg 1995; Benjamini and Yekutieli 2005).

Only NumPy and `scipy.special`, imported where it is used: statsmodels has the same formulas one table at a time, and
takes seconds to import.
"""
