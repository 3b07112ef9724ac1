"""How the built-in French-English encoder was made: a recipe to run, not installed with Opcit.

`python -m training --help` lists the steps; README.md tells them in order.
"""
