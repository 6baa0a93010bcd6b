"""Where answers come from; foreign errors are mapped here and nowhere else."""
