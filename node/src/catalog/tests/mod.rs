mod drain;
mod gate;
mod harness;
mod leases;
mod register;
mod restart;
mod trades;
