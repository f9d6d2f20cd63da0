"""`python -m rankfall`: the command line, where its script is not on the path."""

from rankfall.cli import main

if __name__ == "__main__":
    main()
