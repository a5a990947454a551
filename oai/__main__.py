"""`python -m oai`: the command line."""

from oai._cli import program

if __name__ == "__main__":
    program()
