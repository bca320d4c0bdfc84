//! Limits of processes, each with its unit and reason. The limits of the law stand in `market::limits`.
