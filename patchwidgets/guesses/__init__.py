"""What people ask for who know other libraries, answered with the call that does it here."""
