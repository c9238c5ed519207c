"""What the whole stack costs a robot of 512 MB: virtual machines, before it is deployed, meanwhile and after."""
