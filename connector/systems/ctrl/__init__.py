"""External systems that speak Osmocom's control interface, such as osmo-hlr."""
