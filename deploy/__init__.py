"""Everything needed to run Ordergate somewhere."""
