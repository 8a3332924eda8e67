"""The book's code in the reader's browser: one copy of Pyodide with the book in it, and JupyterLite on top."""
