"""Multi-army StarCraft: agents in the middle of the map, armies around it (ALMA, section 5.2)."""
