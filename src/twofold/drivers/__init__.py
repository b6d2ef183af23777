"""One folder for each technology that twofold can stand on; none of them knows another."""
