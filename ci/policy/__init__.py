"""What a security review would ask of the stacks, asked before anything is deployed: checkov, and rules for IAM."""
