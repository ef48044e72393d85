import subprocess
import sys

import pytest

PROGRAM = """
import sys
from pipelines.jobs import load_job
for name in ("score", "select", "recaption"):
    load_job(name)
print([name for name in ("torch", "open_clip", "py3langid") if name in sys.modules])
"""


@pytest.mark.slow
def test_the_launcher_of_the_jobs_loads_no_models() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=".")

    assert result.stdout.strip() == "[]"
