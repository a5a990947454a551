"""`python -m oai`: the command line."""

from oai._cli.main import main_and_exit

if __name__ == "__main__":
    main_and_exit()
