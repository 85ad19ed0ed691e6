"""What happens to an endpoint's calls after an approval: a release takes them over step by step, and undoes itself."""
