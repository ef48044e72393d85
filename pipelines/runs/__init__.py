"""Run folders: where jobs read and write, how a job commits, and how the jobs of a recipe are run in order."""
