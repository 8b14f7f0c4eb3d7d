"""The job `run`: plan, kernels, boots, verdict; and what is done with a run afterwards."""
