"""A package that extends rankfall from outside: one file for each noun, and entry points for the command line."""
