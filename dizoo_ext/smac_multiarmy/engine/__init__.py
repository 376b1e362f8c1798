"""Battle engines: who moves the units, fires their weapons and lets them die."""
