"""The executable casebook of system design: the package behind its chapters."""
