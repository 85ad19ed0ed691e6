"""What runs as a Lambda function: plain Python and boto3, for nothing else of ours is in the archive."""
