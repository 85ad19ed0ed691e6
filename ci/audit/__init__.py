"""The audit log: which model changed how, when and by whom, in a chain that cannot be mended unseen."""
