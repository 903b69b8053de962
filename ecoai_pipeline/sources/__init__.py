"""One file per raw format, each turning a provider's file into canonical readings; the simulator is one of them."""
