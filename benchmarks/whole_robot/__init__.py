"""What the whole stack costs a robot of 512 MB: virtual machines, measured before, while and after they are deployed."""
