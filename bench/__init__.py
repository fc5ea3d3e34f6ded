"""What the project costs, side by side with the guide's commands and with the floor: `python -m bench`."""
