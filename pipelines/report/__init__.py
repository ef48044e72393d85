"""What a run came to: statistics, the plan of a run, the HTML report."""
