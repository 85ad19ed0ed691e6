"""Where state is cut: one file, one Terraform state. `platform` joins them."""
