//! Moving the bytes of a file between a socket and the disk.
