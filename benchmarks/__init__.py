"""Our prototypes beside the libraries that a user would pick instead: `python -m benchmarks [NAME ...]`.

Each benchmark is a function in a module of this package, marked `@benchmark`; `benchmarks.measurements` runs the
full-size experiments whose results the chapters show.
"""
