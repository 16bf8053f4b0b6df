"""What comes out: the topic catalogue, output records and the transactional publisher."""
