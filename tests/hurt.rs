//! The mover hurt between real servers: killed, cut off, slowed down, crowded, written at. Run again, every row is there once.
//! Each test prints its seed when it fails, and each sees to it that the source was only read.

mod broken;
mod crowd;
pub mod ground;
mod killed;
mod strict;
