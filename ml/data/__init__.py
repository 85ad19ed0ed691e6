"""Data sets: where they come from (`sources`) and what a job is handed (`datasets`)."""
