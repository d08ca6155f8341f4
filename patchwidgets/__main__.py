"""``python -m patchwidgets`` is the command ``patchwidgets``."""

from patchwidgets.cli.app import main

if __name__ == "__main__":  # worker processes of --executor import this module too
    main()
