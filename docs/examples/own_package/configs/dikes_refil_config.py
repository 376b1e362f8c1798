"""REFIL on the dikes."""

from dikes.setting import small

main_config, create_config = small("refil")
