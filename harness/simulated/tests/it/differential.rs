//! The same operations on the simulator and on a real Elasticsearch: the same answers. Placeholder until written.
