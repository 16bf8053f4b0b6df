"""The canonical language: Avro schemas, their types and codec, money, instants and identifiers."""
