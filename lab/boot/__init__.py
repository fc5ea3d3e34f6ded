"""PID 1 of the lab's clients: firmware, boot loader and initramfs in one small program."""
