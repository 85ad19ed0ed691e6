"""What an environment will cost, from the Terraform JSON of its stacks: nothing is deployed, nobody is asked."""
