"""The workflows of .github/workflows on this machine: what their steps run, and what they would tell."""
