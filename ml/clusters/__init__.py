"""What a cluster's machines ask of Ray: who has joined, how many workers the work needs, which of them have none."""
