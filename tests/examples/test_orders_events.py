"""What the orders example has recorded once, its code of today reads."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SNAPSHOT = ROOT / "examples" / "orders" / "events.json"


def test_every_form_of_its_events_is_kept_and_read() -> None:
    """As `twofold schema check` tells; what is new is in the snapshot once `twofold schema snapshot` was run."""
    command = [sys.executable, "-m", "twofold", "schema", "check", "examples.orders:app", str(SNAPSHOT), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == {"verdict": "compatible", "changes": []}, done.stderr
