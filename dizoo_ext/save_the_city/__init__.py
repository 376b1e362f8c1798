"""SaveTheCity: teams of firefighters, builders and generalists save burning buildings (ALMA, section 5.1)."""
