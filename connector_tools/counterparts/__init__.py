"""External systems to try a connector against: an embedded HLR/HSS and a real osmo-hlr."""
