# Each target runs the command of the same name in make.py; without make: `python make.py book`.
# The first Python from 3.11 to 3.13 that answers is used; choose another with `make PYTHON=... book`.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)

.PHONY: book test serve lab pdf epub zip sync diagrams execute measurements bench chapter anki pins clean
book test serve lab pdf epub zip sync diagrams execute measurements bench chapter anki pins clean:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 to 3.13 is needed and was not found: install one, or name it: make PYTHON=/path/to/python $@"; exit 1; }
	@$(PYTHON) make.py $@ $(NAME) $(if $(PORT),--port $(PORT))
