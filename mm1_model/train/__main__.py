"""``python -m mm1_model.train CONFIG [KEY=VALUE ...]``, alone or under ``torchrun``."""

import os
import sys
from collections.abc import Sequence

from mm1_model.train.ending import end_process
from mm1_model.train.settings_file import load_train_config
from settings.problems import SettingsError

DONE, WRONG_SETTINGS, OUTSIDE, STOPPED = 0, 2, 3, 130


def main(arguments: Sequence[str]) -> int:
    """Trains and returns the exit code: 0 done, 1 the run failed, 2 wrong settings, 3 the disk or the machine, 130
    stopped by a signal after saving.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: [torchrun OPTIONS] -m mm1_model.train CONFIG [KEY=VALUE ...]", file=sys.stderr)
        return DONE if arguments else WRONG_SETTINGS
    try:
        config = load_train_config(arguments[0], arguments[1:])
    except SettingsError as error:
        print(error, file=sys.stderr)
        return WRONG_SETTINGS

    # Late, so that wrong settings are told before torch is loaded.
    from mm1_model.data.damage import ShardError
    from mm1_model.train.console import print_step, say_ended
    from mm1_model.train.loop import TrainingError
    from mm1_model.train.run import train

    try:
        result = train(config, on_step=print_step)
    except (TrainingError, ShardError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_SETTINGS
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return OUTSIDE
    if os.environ.get("RANK", "0") == "0":  # Set by torchrun.
        say_ended(result)
    return DONE if result.stopped_by is None else STOPPED


if __name__ == "__main__":
    end_process(main(sys.argv[1:]))
